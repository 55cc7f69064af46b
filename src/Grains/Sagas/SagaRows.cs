using GrainDb.Grains.Meta;
using GrainDb.Grains.Ranges;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Grains.Sagas;

/// <summary>Writes rows of <c>system.sagas</c>, which clients cannot.</summary>
internal sealed class SagaRows(RangeCalls calls)
{
    private const string ContentType = "application/json";

    /// <summary>Commits writes that lie in one range together.</summary>
    public ValueTask<WriteResult> WriteAsync(KeyWrite[] writes, IdempotencyStamp? stamp, TimeSpan timeout) => timeout <= TimeSpan.Zero
        ? new(WriteResult.Failed(Failure.NotApplied(ErrorCode.Unavailable, "no time is left")))
        : calls.RunAsync(
            snapshot => Route(snapshot, writes[0].Key) is { } range
                ? calls.Leader(range.Id).WriteAsync(new RangeWrite(writes, range.Generation) { Idempotency = stamp })
                : new(WriteResult.Failed(NotCreated)),
            result => result.Failure,
            WriteResult.Failed,
            isWrite: true,
            waitsForLeader: true,
            timeout,
            CancellationToken.None);

    /// <summary>A keyspace that is not there yet, to whoever reads it.</summary>
    public static Failure NotThere(Failure failure) => failure.Code == ErrorCode.KeyspaceNotFound ? NotCreated : failure;

    public static KeyWrite Put(byte[] key, ReadOnlyMemory<byte> value, ConditionKind condition) =>
        new(key, WriteKind.Put, value, ContentType, new WriteCondition(condition, default), TimeToLive: null);

    private static RangeDescriptor? Route(MetaSnapshot snapshot, ReadOnlyMemory<byte> key) => snapshot.FindActive(SystemKeyspaces.Sagas)?.Find(key.Span);

    private static Failure NotCreated => Failure.NotApplied(ErrorCode.Unavailable, $"keyspace {SystemKeyspaces.Sagas} is being created");
}
