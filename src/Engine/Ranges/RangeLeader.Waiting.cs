using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Ranges;

/// <summary>Waiting for transactions that are undecided, and having those decided that stay so for too long.</summary>
public sealed partial class RangeLeader
{
    /// <summary>How long somebody waits for intents and locks of others before it is told to try again.</summary>
    private static readonly TimeSpan IntentPatience = TimeSpan.FromSeconds(3);

    /// <summary>How long somebody has waited before the transaction is handed to recovery: its coordinator may be dead though the decision stands.</summary>
    private static readonly TimeSpan WaitBeforeRecovery = TimeSpan.FromMilliseconds(500);

    /// <summary>How often undecided transactions are looked at.</summary>
    private static readonly TimeSpan RecoveryInterval = TimeSpan.FromMilliseconds(500);

    private readonly ResolutionWaiters _waiters = new();
    private readonly TransactionsAhead _ahead = new();
    private readonly ReadProtection _protection;
    private long _lookedAfterTransactions;

    /// <summary>What an attempt under the gate came to: an answer, or something that must happen before the next attempt.</summary>
    private readonly record struct Attempted<T>(ValueTask<T> Answer, Task? Blocked)
    {
        public static Attempted<T> Now(ValueTask<T> answer) => new(answer, null);

        public static Attempted<T> After(Task blocked) => new(default, blocked);

        public static implicit operator Attempted<T>(T answer) => new(new(answer), null);
    }

    /// <summary>Whether any intent or lock stands, or is about to.</summary>
    private bool HasPrepared => _replica.Transactions.Prepared.Count + _ahead.Prepared.Count > 0;

    /// <summary>Whether more than the bound stands prepared: nothing else is, until some of it is decided.</summary>
    private bool IsFull =>
        _replica.Transactions.Prepared.Count + _ahead.Prepared.Count >= TransactionMemory.MaxPreparedPerRange
        || _replica.Transactions.Prepared.Bytes + _ahead.Prepared.Bytes >= TransactionMemory.MaxPreparedBytesPerRange;

    private bool Has(TransactionFaults fault) => _acceptor.Options.Has(fault);

    /// <summary>Until when to wait for others, by the monotonic clock.</summary>
    private long Patience() => _options.Time.GetTimestamp() + (long)(IntentPatience.TotalSeconds * _options.Time.TimestampFrequency);

    private bool IsOver(long patience) => _options.Time.GetTimestamp() >= patience;

    /// <summary>Attempts until there is an answer. Whatever is proposed is proposed only while a quorum has lately confirmed the epoch.</summary>
    /// <param name="attempt">Runs under the gate.</param>
    /// <param name="failed">Makes a result of a failure.</param>
    private async ValueTask<T> RunAsync<T>(Func<long, Attempted<T>> attempt, Func<Failure, T> failed)
    {
        var patience = Patience();
        while (true)
        {
            if (_log is not { } log)
                return failed(WhyNotEnqueued());
            if (!log.HasLease && !await log.ConfirmAsync())
                return failed(NoQuorum());
            Attempted<T> attempted;
            lock (_replica.Gate)
                attempted = attempt(patience);
            if (attempted.Blocked is not { } blocked)
                return await attempted.Answer;
            await blocked;
        }
    }

    /// <summary>A task to wait for the decision on a transaction that stands here; or why not to. Under the gate.</summary>
    private Failure? WhyNotWaitFor(PreparedTransaction transaction, long patience, out Task resolved)
    {
        resolved = Task.CompletedTask;
        if (IsOver(patience))
        {
            return Failure.NotApplied(ErrorCode.Unavailable, $"transaction {transaction.Id} has been undecided on this key for too long") with
            {
                RetryAfter = OverloadedRetry,
            };
        }

        if (_waiters.IsFull)
            return Failure.NotApplied(ErrorCode.Overloaded, $"too many wait for transactions in range {Range}") with { RetryAfter = OverloadedRetry };
        resolved = _waiters.WaitAsync(transaction.Id, _options.Time.GetTimestamp(), patience);
        return null;
    }

    /// <summary>A record is applied: who waited for what it decides looks again. Under the gate.</summary>
    private void TakeWaiters(TransactionalRecord record, List<TaskCompletionSource> woken)
    {
        foreach (var resolution in record.Resolutions)
            _waiters.TakeFor(resolution.Transaction, woken);
    }

    private static void WakeAll(List<TaskCompletionSource> woken)
    {
        foreach (var waiter in woken)
            waiter.TrySetResult();
    }

    /// <summary>A new leader hands over everything that stands: its coordinator may have waited for the one before.</summary>
    private void RecoverPrepared()
    {
        PreparedTransaction[] prepared;
        lock (_replica.Gate)
            prepared = [.. _replica.Transactions.Prepared.ByAge];
        Recover(prepared);
    }

    /// <summary>
    /// Time passes: those who waited long enough are let go, and what has been undecided for too long is handed over. The leader looks by itself: otherwise an abandoned intent
    /// that nobody meets would hold closed time back for ever.
    /// </summary>
    private void LookAfterTransactions()
    {
        List<TaskCompletionSource> expired = [];
        List<PreparedTransaction> overdue = [];
        lock (_replica.Gate)
        {
            if (_isStarting || IsStopped || (_replica.Transactions.Prepared.Count == 0 && _waiters.Count == 0))
                return;
            var now = _options.Time.GetTimestamp();
            _waiters.TakeExpired(now, expired);
            if (_options.Time.GetElapsedTime(_lookedAfterTransactions, now) >= RecoveryInterval)
            {
                _lookedAfterTransactions = now;
                overdue.AddRange(Overdue(now));
            }
        }

        WakeAll(expired);
        Recover(overdue);
    }

    private IEnumerable<PreparedTransaction> Overdue(long now)
    {
        var old = _replica.Clock.Now().Add(-TransactionLimits.PrepareTimeout);
        var waitedSince = now - (long)(WaitBeforeRecovery.TotalSeconds * _options.Time.TimestampFrequency);
        return _replica.Transactions.Prepared.ByAge.Where(prepared => prepared.Prepared <= old || _waiters.IsWaitedForSince(prepared.Id, waitedSince));
    }

    private void Recover(IEnumerable<PreparedTransaction> transactions)
    {
        foreach (var transaction in transactions)
            _options.Recovery.Recover(transaction.Id, transaction.Participants, transaction.Deadline, transaction.Prepared);
    }
}
