using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>Outcomes of transactions, each remembered until a timestamp, or until there are too many: then the oldest go. The owner synchronizes.</summary>
/// <param name="maxCount">Most outcomes.</param>
internal sealed class OutcomeMemory(int maxCount)
{
    private readonly Dictionary<TransactionId, Timestamp> _outcomes = [];
    private readonly ChunkQueue<Entry> _queue = new();

    /// <summary>One outcome.</summary>
    /// <param name="Id">The transaction.</param>
    /// <param name="Commit">Its commit timestamp; zero when it aborted.</param>
    /// <param name="Until">Records above this may forget it.</param>
    internal readonly record struct Entry(TransactionId Id, Timestamp Commit, Timestamp Until);

    public int Count => _outcomes.Count;

    /// <summary>The first outcome stands.</summary>
    public void Add(Entry entry)
    {
        if (!_outcomes.TryAdd(entry.Id, entry.Commit))
            return;
        _queue.Enqueue(entry);
        if (_queue.Count > maxCount)
            Forget();
    }

    /// <summary>The commit timestamp, zero when it aborted; null when nothing is remembered.</summary>
    public Timestamp? Find(TransactionId id) => _outcomes.TryGetValue(id, out var commit) ? commit : null;

    /// <summary>A record of this timestamp is applied. What is remembered for longer holds up what came later.</summary>
    public void Expire(Timestamp now)
    {
        while (_queue.TryPeek(out var oldest) && oldest.Until < now)
            Forget();
    }

    public ChunkQueue<Entry>.Capture Capture() => _queue.Take();

    private void Forget()
    {
        _queue.TryPeek(out var oldest);
        _queue.Dequeue();
        _outcomes.Remove(oldest.Id);
    }
}
