using System.Text;
using GrainDb.Engine.Mvcc;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Ranges;

/// <summary>Evaluation: what a write finds, and whether it may happen. Everything here runs under the gate.</summary>
public sealed partial class RangeLeader
{
    /// <summary>Most writes of one commit.</summary>
    private const int MaxWritesPerCommit = 10_000;

    /// <summary>Most bytes of keys and values of one commit.</summary>
    private const int MaxCommitBytes = KeyLimits.AbsoluteMaxValueBytes + KeyLimits.MaxKeyBytes + RoutingKey.HashBytes;

    /// <summary>The newest state of a key in log order.</summary>
    private readonly record struct Newest(Timestamp Version, bool Exists, bool IsProposed);

    /// <summary>Why the request cannot even be evaluated; null when it can. What is logged must be readable for ever.</summary>
    private Failure? Check(RangeWrite request)
    {
        if (_refusal is not null)
            return _refusal;
        if (request.Generation != Descriptor.Generation)
            return Moved();
        if (request.Writes.Length is 0 or > MaxWritesPerCommit)
            return Invalid($"{request.Writes.Length} writes in one commit: 1 to {MaxWritesPerCommit}");
        return CheckWrites(request.Writes, out _) ?? CheckStamp(request.Idempotency);
    }

    private Failure? CheckWrites(KeyWrite[] writes, out long bytes)
    {
        bytes = 0;
        foreach (var write in writes)
        {
            if (!Descriptor.Contains(write.Key.Span))
                return Moved();
            if (write.Key.Length is 0 or > KeyLimits.MaxKeyBytes + RoutingKey.HashBytes)
                return Failure.NotApplied(ErrorCode.KeyTooLarge, $"the key has {write.Key.Length} bytes, the limit is {KeyLimits.MaxKeyBytes}");
            if (write.Value.Length > _options.MaxValueBytes)
                return Failure.NotApplied(ErrorCode.ValueTooLarge, $"the value has {write.Value.Length} bytes, the limit is {_options.MaxValueBytes}");
            if (write.ContentType.Length > KeyLimits.MaxContentTypeBytes || !Ascii.IsValid(write.ContentType))
                return Invalid($"the content type must be ASCII of at most {KeyLimits.MaxContentTypeBytes} characters");
            bytes += write.Key.Length + write.Value.Length;
        }

        if (bytes > MaxCommitBytes)
            return Failure.NotApplied(ErrorCode.RequestTooLarge, $"the commit has {bytes} bytes, the limit is {MaxCommitBytes}");
        return writes.Length > 1 && HasDuplicates(writes) ? Invalid("a key is written twice in one commit") : null;
    }

    private static bool HasDuplicates(KeyWrite[] writes) =>
        writes.Select(write => write.Key).Distinct(RoutingKeyComparer.Instance).Count() != writes.Length;

    private static Failure Invalid(string detail) => Failure.NotApplied(ErrorCode.InvalidRequest, detail);

    private ValueTask<WriteResult> Evaluate(RangeWrite request)
    {
        var writes = request.Writes;
        var commit = _replica.Clock.Now();
        var first = default(Newest);
        var nothingToDelete = true;
        for (var i = 0; i < writes.Length; i++)
        {
            var newest = FindNewest(writes[i].Key, commit);
            if (i == 0)
                first = newest;
            if (!Holds(writes[i].Condition, newest))
                return Answer(Mismatch(newest), dependsOnProposal: newest.IsProposed);
            nothingToDelete &= writes[i].Kind == WriteKind.Delete && !newest.Exists;
        }

        // Deleting what is not there changes nothing and is not logged: at this timestamp it is absent. The answer still waits for
        // what it saw.
        if (nothingToDelete && request.Idempotency is null)
            return Answer(new WriteResult { Version = commit, ServedBy = _servedBy }, dependsOnProposal: _pendingRecords > 0);

        var result = new WriteResult { Version = commit, Existed = first.Exists, ServedBy = _servedBy };
        if (request.Idempotency is { } stamp)
            return new(EnqueueCommit(new(TransactionId.None, Timestamp.Zero, stamp, first.Exists), writes, commit, result));
        _payload.ResetWrittenCount();
        RangeWriteCodec.Encode(writes, commit, _payload);
        if (Enqueue(RangeRecordType.Write, commit, _payload.WrittenSpan, writes, result) is not { } proposal)
            return new(WriteResult.Failed(WhyNotEnqueued()));
        foreach (var write in writes)
            _overlay.Propose(write, commit);
        return new(proposal.Task);
    }

    /// <summary>
    /// An answer without a record of its own. If it rests on a proposal it waits for that one: what was seen must have
    /// committed, or the answer would speak of something that never happened.
    /// </summary>
    private ValueTask<WriteResult> Answer(WriteResult result, bool dependsOnProposal) =>
        dependsOnProposal ? new(EnqueueWaiter(result).Task)
        : _log!.MayAnswer(_replica.Clock.Last) ? new(result)
        : new(ConfirmAnswerAsync(result));

    /// <summary>What was seen is committed state: it may be told once a quorum has confirmed the epoch from here on.</summary>
    private async Task<WriteResult> ConfirmAnswerAsync(WriteResult result) =>
        await WhyNotConfirmedAsync() is { } unconfirmed ? WriteResult.Failed(unconfirmed) : result;

    private Newest FindNewest(ReadOnlyMemory<byte> key, Timestamp at)
    {
        if (_overlay.TryGet(key, out var proposed))
            return new(proposed.Timestamp, IsLive(proposed.IsTombstone, proposed.ExpiresAt, at), IsProposed: true);
        return _replica.Store.TryGetNewest(key.Span, out MvccVersion stored)
            ? new(stored.Timestamp, IsLive(stored.IsTombstone, stored.ExpiresAt, at), IsProposed: false)
            : default;
    }

    private static bool IsLive(bool tombstone, Timestamp expiresAt, Timestamp at) =>
        !tombstone && (expiresAt.IsZero || expiresAt > at);

    private static bool Holds(WriteCondition condition, Newest newest) => condition.Kind switch
    {
        ConditionKind.None => true,
        ConditionKind.VersionEquals => newest.Exists && newest.Version == condition.Version,
        ConditionKind.Exists => newest.Exists,
        ConditionKind.NotExists => !newest.Exists,
        _ => throw new ArgumentOutOfRangeException(nameof(condition), condition.Kind, "unknown condition"),
    };

    private WriteResult Mismatch(Newest newest) => new()
    {
        ServedBy = _servedBy,
        Failure = Failure.NotApplied(
            ErrorCode.VersionMismatch,
            newest.Exists ? $"the key has version {newest.Version}" : "the key does not exist") with
        {
            CurrentVersion = newest.Exists ? newest.Version : Timestamp.Zero,
        },
    };

    private Failure Moved() => Failure.NotApplied(ErrorCode.RangeMoved, $"the key is not in range {Range}");
}
