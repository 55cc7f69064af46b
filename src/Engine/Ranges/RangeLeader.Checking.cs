using System.Text;
using GrainDb.Engine.Mvcc;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Ranges;

/// <summary>Why a request of a transaction cannot even be evaluated. What is logged must be readable for ever.</summary>
public sealed partial class RangeLeader
{
    /// <summary>Most ranges of one transaction.</summary>
    private const int MaxParticipants = 10_000;

    private Failure? Check(TransactionWork work)
    {
        if (_refusal is not null)
            return _refusal;
        if (work.Generation != Descriptor.Generation)
            return Moved();
        if (work.Transaction.IsNone || work.ReadTimestamp.IsZero)
            return Invalid("a transaction has an id and a snapshot");
        if (CheckDeadline(work.Transaction, work.Deadline) is { } endless)
            return endless;
        if (work.Writes.Length > TransactionLimits.MaxWrites || work.ReadKeys.Length + work.ReadIntervals.Length > TransactionLimits.MaxReads)
            return TooLarge($"{work.Writes.Length} writes and {work.ReadKeys.Length + work.ReadIntervals.Length} reads: at most {TransactionLimits.MaxWrites} and {TransactionLimits.MaxReads}");
        if (work.Writes.Length + work.ReadKeys.Length + work.ReadIntervals.Length == 0)
            return Invalid("a transaction that neither reads nor writes here has nothing to do here");
        if ((CheckWrites(work.Writes, out var bytes) ?? CheckStamp(work.Idempotency)) is { } refused)
            return refused;
        foreach (var key in work.ReadKeys)
        {
            if (!Descriptor.Contains(key.Span))
                return Moved();
            if (key.Length > MvccLimits.MaxKeyBytes)
                return Invalid($"a key of {key.Length} bytes: at most {MvccLimits.MaxKeyBytes}");
            bytes += key.Length;
        }

        foreach (var interval in work.ReadIntervals)
        {
            if (interval.Start.Length > MvccLimits.MaxKeyBytes || interval.End?.Length > MvccLimits.MaxKeyBytes)
                return Invalid($"a bound of an interval is longer than {MvccLimits.MaxKeyBytes} bytes");
            bytes += interval.Start.Length + (interval.End?.Length ?? 0);
        }

        return bytes > MaxCommitBytes ? TooLarge($"{bytes} bytes of writes and reads in one range: at most {MaxCommitBytes}") : null;
    }

    private static Failure? Check(RangePrepare request) => request.Participants.Length is 0 or > MaxParticipants
        ? Invalid($"{request.Participants.Length} participants: 1 to {MaxParticipants}")
        : null;

    private static Failure? Check(RangeCommit request)
    {
        if (request.Others.Length >= MaxParticipants)
            return Invalid($"{request.Others.Length} other participants: at most {MaxParticipants - 1}");
        return request.Others.Length > 0 && request.Work.Writes.Length == 0 ? Invalid("the range that decides for others writes: else its log would have no decision") : null;
    }

    /// <summary>A decision on a transaction that is not here is remembered for as long as it can live: so it must not live longer.</summary>
    private Failure? CheckDeadline(TransactionId transaction, Timestamp deadline)
    {
        if (deadline > transaction.Began.Add(TransactionMemory.LongestLife))
            return Invalid($"the deadline {deadline} is more than {TransactionMemory.LongestLife} after the beginning {transaction.Began}");
        return IsFuture(transaction.Began) ? Invalid($"transaction {transaction} begins in the future of this node's clock") : null;
    }

    private bool IsFuture(Timestamp began) => began > _replica.Clock.Now().Add(_replica.Clock.MaxOffset);

    private static Failure? CheckStamp(IdempotencyStamp? stamp)
    {
        if (stamp is null)
            return null;
        if (stamp.Key.Length is 0 or > TransactionLimits.MaxIdempotencyKeyLength || !Ascii.IsValid(stamp.Key))
            return Invalid($"an idempotency key has 1 to {TransactionLimits.MaxIdempotencyKeyLength} ASCII characters");
        return stamp.Answer.Length > TransactionLimits.MaxIdempotencyAnswerBytes
            ? Invalid($"an answer of {stamp.Answer.Length} bytes cannot be kept: at most {TransactionLimits.MaxIdempotencyAnswerBytes}")
            : null;
    }

    private static Failure TooLarge(string detail) => Failure.NotApplied(ErrorCode.TransactionTooLarge, detail);
}
