using System.Text.Json;
using GrainDb.LoadTool.Http;

namespace GrainDb.LoadTool.Workloads;

/// <summary>Reads of up to <see cref="WorkloadOptions.ScanLimit"/> rows from a key on, as JSON.</summary>
internal sealed class ScanWorkload(WorkloadOptions options, IKeyDistribution keys) : IWorkload
{
    private readonly RequestTemplate _request = RequestTemplate.Scan(options.Keyspace, options.ScanLimit);
    private int _start;

    /// <inheritdoc/>
    public (ReadOnlyMemory<byte> Request, OperationKind Kind) Next()
    {
        _start = keys.Next();
        _request.SetKey(_start);
        return (_request.Bytes, OperationKind.Scan);
    }

    /// <inheritdoc/>
    public Verdict Judge(ResponseParser response, bool thorough)
    {
        if (response.Status != 200)
            return Verdict.Failure(Problem.Read(response).Code);
        return thorough && !IsRight(response.Body) ? Verdict.Failure(TransportErrors.WrongContent) : Verdict.Success;
    }

    /// <summary>
    /// At least one row and at most the limit, none before the start. A hash-partitioned keyspace may return fewer rows and
    /// in another order, so neither the full count nor the order can be demanded here.
    /// </summary>
    private bool IsRight(ReadOnlySpan<byte> body)
    {
        var reader = new Utf8JsonReader(body);
        using var document = JsonDocument.ParseValue(ref reader);
        if (!document.RootElement.TryGetProperty("items", out var items))
            return false;
        var rows = items.GetArrayLength();
        if (rows > options.ScanLimit || (rows == 0 && !document.RootElement.TryGetProperty("cursor", out _)))
            return false;
        var start = KeyFormat.Text(_start);
        return items.EnumerateArray().All(item => string.CompareOrdinal(item.GetProperty("key").GetString(), start) >= 0);
    }
}
