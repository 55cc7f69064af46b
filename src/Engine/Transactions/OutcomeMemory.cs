using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>Outcomes of transactions, each remembered until a timestamp, or until there are too many: then the oldest go. The owner synchronizes.</summary>
/// <param name="maxCount">Most outcomes.</param>
internal sealed class OutcomeMemory(int maxCount)
{
    private readonly Dictionary<TransactionId, Timestamp> _outcomes = [];
    private readonly ChunkQueue<Entry> _queue = new();
    private Timestamp _madeRoom;

    /// <summary>
    /// The latest beginning of a transaction whose outcome went before its time, because there were too many. Zero: none did. Of one that began up to here, finding nothing proves nothing.
    /// </summary>
    public Timestamp ForgottenUpTo { get; set; }

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
        if (_queue.Count <= maxCount)
            return;
        _queue.TryPeek(out var oldest);
        _madeRoom = Timestamp.Later(_madeRoom, oldest.Commit);
        ForgottenUpTo = Timestamp.Later(ForgottenUpTo, oldest.Id.Began);
        Forget();
    }

    /// <summary>The commit timestamp, zero when it aborted; null when nothing is remembered.</summary>
    public Timestamp? Find(TransactionId id) => _outcomes.TryGetValue(id, out var commit) ? commit : null;

    /// <summary>
    /// Whether a commit of a transaction may have gone from here before its time, because there were too many: then finding nothing proves nothing. A memory that comes full out
    /// of a checkpoint may have lost what came before its oldest.
    /// </summary>
    public bool MayHaveForgotten(TransactionId id) =>
        id.Began <= _madeRoom || (_queue.Count >= maxCount && _queue.TryPeek(out var oldest) && id.Began <= oldest.Commit);

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
