using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// Those who wait for a transaction to be resolved in a range. The owner synchronizes, and completes what it is handed outside its lock, inline: whoever waited looks
/// again, whatever the reason for waking it.
/// </summary>
internal sealed class ResolutionWaiters
{
    /// <summary>Most who may wait in one range.</summary>
    public const int MaxCount = 10_000;

    private readonly Dictionary<TransactionId, List<Waiter>> _waiters = [];

    private sealed class Waiter(long since, long until) : TaskCompletionSource
    {
        public long Since { get; } = since;

        public long Until { get; } = until;
    }

    public int Count { get; private set; }

    public bool IsFull => Count == MaxCount;

    /// <summary>Completes when the transaction is resolved, or the time is up. Not when it is full.</summary>
    public Task WaitAsync(TransactionId transaction, long now, long until)
    {
        if (!_waiters.TryGetValue(transaction, out var waiters))
            _waiters[transaction] = waiters = [];
        var waiter = new Waiter(now, until);
        waiters.Add(waiter);
        Count++;
        return waiter.Task;
    }

    /// <summary>Takes out who waited for a transaction, in the order in which they came.</summary>
    public void TakeFor(TransactionId transaction, List<TaskCompletionSource> into)
    {
        if (!_waiters.Remove(transaction, out var waiters))
            return;
        into.AddRange(waiters);
        Count -= waiters.Count;
    }

    /// <summary>Takes out whose time is up.</summary>
    public void TakeExpired(long now, List<TaskCompletionSource> into)
    {
        foreach (var (transaction, waiters) in _waiters)
        {
            into.AddRange(waiters.Where(waiter => waiter.Until <= now));
            Count -= waiters.RemoveAll(waiter => waiter.Until <= now);
            if (waiters.Count == 0)
                _waiters.Remove(transaction); // removing while enumerating is allowed
        }
    }

    /// <summary>Takes out everybody.</summary>
    public void TakeAll(List<TaskCompletionSource> into)
    {
        into.AddRange(_waiters.Values.SelectMany(waiters => waiters));
        _waiters.Clear();
        Count = 0;
    }

    /// <summary>Whether somebody has been waiting for a transaction since a time or longer.</summary>
    public bool IsWaitedForSince(TransactionId transaction, long since) =>
        _waiters.TryGetValue(transaction, out var waiters) && waiters.Exists(waiter => waiter.Since <= since);
}
