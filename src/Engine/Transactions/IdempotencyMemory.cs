using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// Results by the client's idempotency keys: kept for <see cref="TransactionLimits.IdempotencyRetention"/>, within bounds of count and bytes, beyond
/// which the oldest go. The owner synchronizes.
/// </summary>
internal sealed class IdempotencyMemory
{
    private readonly Dictionary<string, Entry> _entries = [];
    private readonly ChunkQueue<Entry> _queue = new();
    private long _bytes;

    /// <summary>One result.</summary>
    /// <param name="Stamp">Key, hash and answer.</param>
    /// <param name="Version">The commit timestamp.</param>
    /// <param name="Existed">Whether the first key had a live version before.</param>
    /// <param name="StoredAt">Timestamp of the record that stored it.</param>
    internal sealed record Entry(IdempotencyStamp Stamp, Timestamp Version, bool Existed, Timestamp StoredAt)
    {
        public long Bytes => Stamp.Key.Length + Stamp.Answer.Length;

        public IdempotencyRecord ToRecord() => new(Version, Existed, Stamp.Answer);
    }

    public int Count => _entries.Count;

    public Entry? Find(string key) => _entries.GetValueOrDefault(key);

    public void Add(Entry entry)
    {
        _entries[entry.Stamp.Key] = entry;
        _queue.Enqueue(entry);
        _bytes += entry.Bytes;
        while (_queue.Count > TransactionLimits.MaxIdempotencyRecordsPerRange || (_queue.Count > 1 && _bytes > TransactionMemory.MaxIdempotencyBytesPerRange))
            Forget();
    }

    /// <summary>A record of this timestamp is applied.</summary>
    public void Expire(Timestamp now)
    {
        while (_queue.TryPeek(out var oldest) && oldest.StoredAt.Add(TransactionLimits.IdempotencyRetention) < now)
            Forget();
    }

    public ChunkQueue<Entry>.Capture Capture() => _queue.Take();

    private void Forget()
    {
        _queue.TryPeek(out var oldest);
        _queue.Dequeue();
        _bytes -= oldest.Bytes;
        if (_entries.GetValueOrDefault(oldest.Stamp.Key) == oldest)
            _entries.Remove(oldest.Stamp.Key);
    }
}
