using System.Buffers;
using GrainDb.Engine.Mvcc;
using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// What transactions need of a range beside its versions: who stands prepared, what was decided here for other ranges too, which decisions and commits are remembered, and results by idempotency
/// key. A deterministic function of the log.
/// <para>
/// What holds: an intent stands from its prepare record to its resolve record. A decision is remembered until the deadline of its transaction, so that a prepare that
/// comes late is refused. A commit that was decided here for others is known until all of them have it (<see cref="Unsettled"/>). A resolve record's timestamp is above the commit timestamps in it of what is prepared here, and record timestamps grow with the log: so whatever is
/// prepared or committed after a decision was carried out here, also of a transaction that only read here, lies above it. That is the range's watermark; it needs no
/// state of its own, and survives in the log's largest timestamp.
/// </para>
/// A checkpoint has this state exactly as it was at the checkpoint's LSN (<see cref="Capture"/>), unlike the versions, which are fuzzy. The owner synchronizes.
/// </summary>
internal sealed class TransactionState
{
    /// <summary>Intents and locks.</summary>
    public IntentTable Prepared { get; } = new();

    /// <summary>Decisions that this range was told of; those that it made are in <see cref="Commits"/>. Aborts too, also of what was not here.</summary>
    public OutcomeMemory Decisions { get; } = new(TransactionMemory.MaxDecisionsPerRange);

    /// <summary>Commits that this range decided, alone or as an anchor.</summary>
    public OutcomeMemory Commits { get; } = new(TransactionLimits.MaxRememberedCommitsPerRange);

    /// <summary>Of these the ones that other participants have not all confirmed.</summary>
    public UnsettledCommits Unsettled { get; } = new();

    /// <summary>Whether the keyspace goes: nothing is prepared here any more, nor decided for others.</summary>
    public bool IsClosed { get; set; }

    /// <summary>Results by idempotency key.</summary>
    public IdempotencyMemory Idempotency { get; } = new();

    /// <summary>Whether there is nothing at all.</summary>
    public bool IsEmpty => Prepared.Count + Decisions.Count + Commits.Count + Unsettled.Count + Idempotency.Count == 0 && !IsClosed;

    /// <summary>Applies a <see cref="RangeRecordType.Prepare"/>, <see cref="RangeRecordType.Resolve"/> or <see cref="RangeRecordType.Commit"/> record.</summary>
    /// <exception cref="InvalidDataException">The payload is malformed, or contradicts what stands here.</exception>
    public void Apply(byte type, Timestamp timestamp, ReadOnlyMemory<byte> payload, MvccStore store)
    {
        Decisions.Expire(timestamp);
        Commits.Expire(timestamp);
        Idempotency.Expire(timestamp);
        switch (type)
        {
            case RangeRecordType.Prepare:
                // It may stand for long, and the payload is a part of a batch.
                Prepared.Add(PrepareCodec.Decode(payload.ToArray(), timestamp));
                break;
            case RangeRecordType.Resolve:
                foreach (var resolution in ResolveCodec.Decode(payload))
                    Apply(resolution, timestamp, store);
                break;
            case RangeRecordType.Commit:
                ApplyCommit(timestamp, payload, store);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, "not a record of transactions");
        }
    }

    /// <summary>The timestamp of a commit that was decided here; null when none is known.</summary>
    public Timestamp? FindCommit(TransactionId transaction) => Commits.Find(transaction) ?? Unsettled.Find(transaction);

    /// <summary>What is remembered of a transaction: its commit timestamp, here alone or with other ranges; zero when it was aborted; null when nothing is. That it was given up here says nothing of what happened elsewhere.</summary>
    public Timestamp? FindOutcome(TransactionId transaction) =>
        FindCommit(transaction) ?? (Decisions.Find(transaction) is { } decision && decision != Resolution.Fence ? decision : null);

    /// <summary>The state as it is now, to be encoded later.</summary>
    public TransactionStateCapture Capture() =>
        new([.. Prepared.ByAge], Decisions.Capture(), Commits.Capture(), Idempotency.Capture(), [.. Unsettled.ByAge], Decisions.ForgottenUpTo, IsClosed);

    private void Apply(Resolution resolution, Timestamp timestamp, MvccStore store)
    {
        if (resolution == Resolution.Closed)
        {
            IsClosed = true;
            return;
        }

        if (resolution.IsSettled)
        {
            Unsettled.Remove(resolution.Transaction);
            return;
        }

        if (resolution.IsFence && Prepared.Find(resolution.Transaction) is not null)
            return;
        if (Prepared.Remove(resolution.Transaction) is not { } prepared)
        {
            var latest = resolution.Transaction.Began.Add(TransactionMemory.LongestLife);
            if (latest >= timestamp)
                Decisions.Add(new(resolution.Transaction, resolution.CommitTimestamp, latest));
            return;
        }

        if (!resolution.CommitTimestamp.IsZero)
        {
            if (resolution.CommitTimestamp < prepared.Prepared)
                throw new InvalidDataException($"transaction {prepared.Id} prepared at {prepared.Prepared} and commits at {resolution.CommitTimestamp}");
            ApplyWrites(prepared, resolution.CommitTimestamp, store);
            if (prepared.Idempotency is { } stamp)
                Idempotency.Add(new(Copy(stamp), resolution.CommitTimestamp, prepared.Existed, timestamp));
        }

        Decisions.Add(new(prepared.Id, resolution.CommitTimestamp, prepared.Deadline));
    }

    private static void ApplyWrites(PreparedTransaction prepared, Timestamp commit, MvccStore store)
    {
        var origin = new VersionOrigin(prepared.Id, prepared.Prepared);
        foreach (var write in prepared.Writes)
            ApplyVersion(store, write.Key.Span, commit, write.IsTombstone, write.ExpiresAt(commit), origin, write.Stored.Span);
    }

    private void ApplyCommit(Timestamp commit, ReadOnlyMemory<byte> payload, MvccStore store)
    {
        var (head, writes) = CommitCodec.Decode(payload);
        var origin = head.Transaction.IsNone ? (VersionOrigin?)null : new(head.Transaction, Timestamp.Zero);
        foreach (var write in writes)
            ApplyVersion(store, write.Key.Span, commit, write.IsTombstone, write.ExpiresAt, origin, write.Stored.Span);
        if (origin is not null)
            Commits.Add(new(head.Transaction, commit, head.Deadline.Add(TransactionLimits.RetryWindow)));
        if (head.Others.Length > 0)
            Unsettled.Add(new(head.Transaction, commit, head.Others));
        if (head.Stamp is { } stamp)
            Idempotency.Add(new(Copy(stamp), commit, head.Existed, commit));
    }

    private static void ApplyVersion(
        MvccStore store,
        ReadOnlySpan<byte> key,
        Timestamp commit,
        bool tombstone,
        Timestamp expiresAt,
        VersionOrigin? origin,
        ReadOnlySpan<byte> stored)
    {
        if (origin is not { } from)
        {
            store.Apply(key, commit, tombstone, expiresAt, stored);
            return;
        }

        var bytes = ArrayPool<byte>.Shared.Rent(StoredValue.MaxOriginBytes + stored.Length);
        var length = StoredValue.WriteOrigin(from, bytes);
        stored.CopyTo(bytes.AsSpan(length));
        store.Apply(key, commit, tombstone, expiresAt, bytes.AsSpan(0, length + stored.Length));
        ArrayPool<byte>.Shared.Return(bytes);
    }

    /// <summary>It is kept for long, and its answer is a part of a payload.</summary>
    private static IdempotencyStamp Copy(IdempotencyStamp stamp) => stamp with { Answer = stamp.Answer.ToArray() };
}
