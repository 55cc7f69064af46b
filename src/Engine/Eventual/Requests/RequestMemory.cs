using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Replicas;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// Results of writes that may be repeated, by the client's keys: kept as strong ranges keep theirs, for <see cref="TransactionLimits.IdempotencyRetention"/> and within the same bounds of count and bytes, beyond
/// which the oldest go. Each has the LSN of its record, so that replaying a log adds none twice. Not thread-safe.
/// </summary>
internal sealed class RequestMemory
{
    private readonly Dictionary<string, RequestResult> _byKey = new(StringComparer.Ordinal);
    private readonly Queue<(Lsn Lsn, RequestResult Result)> _kept = new();
    private Lsn _last;
    private long _bytes;

    /// <summary>How many.</summary>
    public int Count => _kept.Count;

    /// <summary>What is kept, oldest first, with the LSNs of the records.</summary>
    public IEnumerable<(Lsn Lsn, RequestResult Result)> Kept => _kept;

    public RequestResult? Find(string key) => _byKey.GetValueOrDefault(key);

    public void Add(Lsn lsn, RequestResult result)
    {
        if (lsn <= _last)
            return;
        _last = lsn;
        _byKey[result.Stamp.Key] = result;
        _kept.Enqueue((lsn, result));
        _bytes += BytesOf(result);
        while (_kept.Count > TransactionLimits.MaxIdempotencyRecordsPerRange
            || (_bytes > TransactionMemory.MaxIdempotencyBytesPerRange && _kept.Count > 1)
            || _kept.Peek().Result.Version.Add(TransactionLimits.IdempotencyRetention) < result.Version)
        {
            Forget();
        }
    }

    private void Forget()
    {
        var oldest = _kept.Dequeue().Result;
        _bytes -= BytesOf(oldest);
        if (ReferenceEquals(_byKey.GetValueOrDefault(oldest.Stamp.Key), oldest))
            _byKey.Remove(oldest.Stamp.Key);
    }

    private static long BytesOf(RequestResult result) => result.Stamp.Key.Length + result.Stamp.Answer.Length + result.Context.Length;
}
