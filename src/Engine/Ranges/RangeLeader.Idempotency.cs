using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Ranges;

/// <summary>Requests that may have taken effect before. Everything here runs under the gate.</summary>
public sealed partial class RangeLeader
{
    /// <summary>
    /// What is known under an idempotency key: a result, stored or about to be, why the request cannot be carried out, or something to wait for before anything is known.
    /// </summary>
    private readonly record struct Stamped(IdempotencyRecord? Result, Task<WriteResult>? Storing, Failure? Failure, Task? Blocked)
    {
        public Attempted<T> To<T>(Func<IdempotencyRecord, T> repeated, Func<Failure, T> failed)
        {
            if (Failure is { } failure)
                return failed(failure);
            if (Result is not { } result)
                return Attempted<T>.After(Blocked!);
            if (Storing is null)
                return repeated(result);
            return Attempted<T>.Now(AnswerAsync(new(Storing), stored => stored.Failure is { } lost ? failed(lost) : repeated(result)));
        }

        public static Stamped Refused(Failure failure) => new(null, null, failure, null);
    }

    /// <summary>
    /// Looks for a request that came before under the same key: stored, on its way, or prepared by a transaction that is undecided. Null when there is none.
    /// </summary>
    /// <param name="stamp">Null: no such request.</param>
    /// <param name="own">The transaction that would prepare: it waits for younger ones only. None: it holds nothing elsewhere and waits for anybody.</param>
    /// <param name="patience">Until when to wait.</param>
    private Stamped? FindStamp(IdempotencyStamp? stamp, TransactionId own, long patience)
    {
        if (stamp is null)
            return null;
        if (_replica.Transactions.Idempotency.Find(stamp.Key) is { } stored)
            return stored.Stamp.RequestHash == stamp.RequestHash ? new(stored.ToRecord(), null, null, null) : Stamped.Refused(OtherRequest(stamp));
        if (_ahead.FindStamp(stamp.Key) is { } pending)
            return pending.Head.Stamp!.RequestHash == stamp.RequestHash ? Repeat(pending.Head, pending.Proposal) : Stamped.Refused(OtherRequest(stamp));
        if ((_replica.Transactions.Prepared.FindStamp(stamp.Key) ?? _ahead.Prepared.FindStamp(stamp.Key)) is not { } holder)
            return null;
        if (holder.Idempotency!.RequestHash != stamp.RequestHash)
            return Stamped.Refused(OtherRequest(stamp));
        if ((!own.IsNone && holder.Id < own) || IsOver(patience))
            return Stamped.Refused(Failure.NotApplied(ErrorCode.IdempotencyInProgress, "the same request is still being carried out") with { RetryAfter = OverloadedRetry });
        return WhyNotWaitFor(holder, patience, out var resolved) is { } inTheWay ? Stamped.Refused(inTheWay) : new(null, null, null, resolved);
    }

    private Stamped Repeat(CommitCodec.Head head, Proposal original) => new(
        new IdempotencyRecord(original.Timestamp, head.Existed, head.Stamp!.Answer),
        EnqueueRepeated(original, new WriteResult()),
        null,
        null);

    private static Failure OtherRequest(IdempotencyStamp stamp) =>
        Failure.NotApplied(ErrorCode.IdempotencyMismatch, $"the idempotency key '{stamp.Key}' was used for another request");
}
