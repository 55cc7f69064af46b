using System.Text;
using System.Text.Json;
using GrainDb.LoadTool.Http;
using GrainDb.LoadTool.Transfers;
using GrainDb.LoadTool.Workloads;

namespace GrainDb.LoadTool.Tests.Transfers;

public sealed class TransferWorkloadTests
{
    private readonly long[] _known = [TransferWorkload.Unknown, TransferWorkload.Unknown];
    private readonly TransferWorkload _workload;

    public TransferWorkloadTests() => _workload = new TransferWorkload("transfer", new UniformDistribution(2, new Random(1)), ranges: 2, _known, new Random(1));

    [Fact]
    public void Reads_what_it_does_not_know_then_transfers_on_what_it_saw_last()
    {
        var read = Next(OperationKind.Get);
        var source = read.StartsWith("GET /v1/kv/transfer/a00000000 ", StringComparison.Ordinal) ? 0 : 1;
        Answer(200, VerdictKind.Success, "1000");
        var transfer = Body(Next(OperationKind.Transfer));
        Assert.Equal("1000", transfer.GetProperty("checks")[0].GetProperty("value").GetString());
        var (minus, plus) = (transfer.GetProperty("writes")[0].GetProperty("increment"), transfer.GetProperty("writes")[1].GetProperty("increment"));
        Assert.Equal(AccountFormat.Text(source), minus.GetProperty("key").GetString());
        Assert.Equal(AccountFormat.Text(1 - source), plus.GetProperty("key").GetString());
        Assert.InRange(plus.GetProperty("by").GetInt64(), 1, TransferRequest.MaxAmount);
        Assert.Equal(0, minus.GetProperty("by").GetInt64() + plus.GetProperty("by").GetInt64());
        Assert.All([transfer.GetProperty("checks")[0], transfer.GetProperty("reads")[0]], part => Assert.Equal(AccountFormat.Text(source), part.GetProperty("key").GetString()));
        Answer(200, VerdictKind.Success, """{"committed":true,"commitTimestamp":"0000000000000001","results":[{"found":true,"value":"1000"},{"version":"0000000000000001","value":991},{"version":"0000000000000001","value":1009}]}""");
        Assert.Equal((991, 1009), (_known[source], _known[1 - source]));
    }

    [Fact]
    public void A_check_that_did_not_hold_is_a_conflict_that_tells_the_balance()
    {
        Array.Fill(_known, 1000);
        Next(OperationKind.Transfer);
        Answer(200, VerdictKind.Conflict, """{"committed":false,"failedChecks":[{"index":0}],"results":[{"found":true,"version":"0000000000000001","contentType":"text/plain","value":"7"}]}""");
        Assert.Contains(7, _known);
    }

    [Fact]
    public void A_lost_race_is_a_conflict_and_what_is_known_is_forgotten()
    {
        Array.Fill(_known, 1000);
        Next(OperationKind.Transfer);
        Answer(409, VerdictKind.Conflict, """{"code":"txn_conflict","outcome":"notApplied","keys":[]}""");
        Assert.All(_known, balance => Assert.Equal(TransferWorkload.Unknown, balance));
        Next(OperationKind.Get);
        Answer(503, VerdictKind.Failure, """{"code":"unavailable","outcome":"notApplied"}""");
    }

    [Fact]
    public void Nobody_gives_more_than_there_is()
    {
        Array.Fill(_known, 0);
        Assert.Equal(0, Body(Next(OperationKind.Transfer)).GetProperty("writes")[1].GetProperty("increment").GetProperty("by").GetInt64());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Both_accounts_are_in_as_many_ranges_as_asked(int ranges)
    {
        var workload = new TransferWorkload("transfer", new UniformDistribution(10, new Random(1)), ranges, Enumerable.Repeat(5L, 10).ToArray(), new Random(1));
        for (var i = 0; i < 200; i++)
        {
            var writes = Body(Encoding.ASCII.GetString(workload.Next().Request.Span)).GetProperty("writes");
            var keys = writes.EnumerateArray().Select(write => write.GetProperty("increment").GetProperty("key").GetString()!).ToList();
            Assert.Equal(2, keys.Distinct().Count());
            Assert.Equal(ranges, keys.Select(key => key[0]).Distinct().Count());
            Answer(workload, 409, VerdictKind.Conflict, """{"code":"txn_conflict"}""");
            workload = new TransferWorkload("transfer", new UniformDistribution(10, new Random(i)), ranges, Enumerable.Repeat(5L, 10).ToArray(), new Random(1));
        }
    }

    [Fact]
    public void A_request_keeps_its_length_and_stays_json()
    {
        var request = new TransferRequest("transfer");
        foreach (var balance in new[] { 0, 7, 1000, -5, long.MaxValue })
        {
            request.Set(0, 3, 9, balance);
            var body = Body(Encoding.ASCII.GetString(request.Bytes.Span));
            Assert.Equal($"{balance}", body.GetProperty("checks")[0].GetProperty("value").GetString());
            Assert.Equal("b00000001", body.GetProperty("writes")[1].GetProperty("increment").GetProperty("key").GetString());
        }
    }

    [Fact]
    public void Accounts_have_keys_that_come_back()
    {
        for (var account = 0; account < 100; account++)
        {
            Assert.True(AccountFormat.TryRead(Encoding.ASCII.GetBytes(AccountFormat.Text(account)), out var read));
            Assert.Equal(account, read);
        }

        Assert.False(AccountFormat.TryRead("k00000000"u8, out _));
        Assert.False(AccountFormat.TryRead("a0000000x"u8, out _));
    }

    private static JsonElement Body(string request)
    {
        var (head, body) = (request[..request.IndexOf("\r\n\r\n", StringComparison.Ordinal)], request[(request.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..]);
        Assert.Contains($"\r\nContent-Length: {body.Length}", head);
        return JsonDocument.Parse(body).RootElement;
    }

    private string Next(OperationKind expected)
    {
        var (request, kind) = _workload.Next();
        Assert.Equal(expected, kind);
        return Encoding.ASCII.GetString(request.Span);
    }

    private void Answer(int status, VerdictKind expected, string body) => Answer(_workload, status, expected, body);

    private static void Answer(TransferWorkload workload, int status, VerdictKind expected, string body)
    {
        var parser = new ResponseParser();
        parser.Begin(bodyless: false);
        var bytes = Encoding.ASCII.GetBytes($"HTTP/1.1 {status} X\r\nContent-Length: {body.Length}\r\n\r\n{body}");
        bytes.CopyTo(parser.Writable());
        Assert.True(parser.Advance(bytes.Length));
        Assert.Equal(expected, workload.Judge(parser, thorough: true).Kind);
    }
}
