using System.Text;
using GrainDb.LoadTool.Http;
using GrainDb.LoadTool.Workloads;

namespace GrainDb.LoadTool.Tests.Workloads;

public sealed class CompareAndSetWorkloadTests
{
    private static readonly WorkloadOptions Options = new()
    {
        Name = "cas",
        Keyspace = "default",
        Keys = 1,
        ValueBytes = 32,
        ScanLimit = 1,
        ReadShare = 0,
        Distribution = "uniform",
        Seed = 1,
    };

    private readonly CompareAndSetWorkload _workload = new(Options, new UniformDistribution(1, new Random(1)), new ulong[1], new Random(1));

    [Fact]
    public void Reads_what_it_does_not_know_then_writes_on_what_it_saw_last()
    {
        Assert.StartsWith("GET /v1/kv/default/k00000000 ", Next(OperationKind.Get));
        Answer(200, "ETag: \"00000000000000aa\"\r\n", VerdictKind.Success);
        Assert.Contains("\r\nIf-Match: \"00000000000000aa\"\r\n", Next(OperationKind.CompareAndSet));
        Answer(200, "ETag: \"00000000000000bb\"\r\n", VerdictKind.Success);
        Assert.Contains("\r\nIf-Match: \"00000000000000bb\"\r\n", Next(OperationKind.CompareAndSet));
        Answer(412, "", VerdictKind.Conflict, """{"code":"version_mismatch","currentVersion":"00000000000000cc"}""");
        Assert.Contains("\r\nIf-Match: \"00000000000000cc\"\r\n", Next(OperationKind.CompareAndSet));
        Answer(503, "", VerdictKind.Failure, """{"code":"unavailable","outcome":"notApplied"}""");
        Assert.StartsWith("GET ", Next(OperationKind.Get));
    }

    [Fact]
    public void Creates_what_does_not_exist()
    {
        Next(OperationKind.Get);
        Answer(404, "", VerdictKind.Success, """{"code":"key_not_found"}""");
        Assert.Contains("\r\nIf-None-Match: *\r\n", Next(OperationKind.CompareAndSet));
        Answer(201, "ETag: \"00000000000000aa\"\r\n", VerdictKind.Success);
        Assert.Contains("\r\nIf-Match: \"00000000000000aa\"\r\n", Next(OperationKind.CompareAndSet));
    }

    private string Next(OperationKind expected)
    {
        var (request, kind) = _workload.Next();
        Assert.Equal(expected, kind);
        return Encoding.ASCII.GetString(request.Span);
    }

    private void Answer(int status, string headers, VerdictKind expected, string body = "")
    {
        var parser = new ResponseParser();
        parser.Begin(bodyless: false);
        var bytes = Encoding.ASCII.GetBytes($"HTTP/1.1 {status} X\r\n{headers}Content-Length: {body.Length}\r\n\r\n{body}");
        bytes.CopyTo(parser.Writable());
        Assert.True(parser.Advance(bytes.Length));
        Assert.Equal(expected, _workload.Judge(parser, thorough: true).Kind);
    }
}
