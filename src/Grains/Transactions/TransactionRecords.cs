using GrainDb.Engine.Ranges;
using GrainDb.Engine.Transactions;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Ranges;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Grains.Transactions;

/// <summary>The decisions as rows of <c>system.transactions</c>, an ordinary replicated keyspace.</summary>
internal sealed class TransactionRecords(RangeCalls calls) : ITransactionRecords
{
    /// <summary>Whether a leader on this node writes the decision on a transaction.</summary>
    public static bool IsNear(MetaCache meta, LocalRanges local, TransactionId transaction) =>
        meta.Current is { } snapshot && Route(snapshot, transaction) is var (range, _) && local.Find(range.Id) is not null;

    public async ValueTask<RecordRead> ReadAsync(TransactionId transaction, TimeSpan timeout)
    {
        if (timeout <= TimeSpan.Zero)
            return new RecordRead(NoTime, null, Timestamp.Zero);
        var read = await calls.RunAsync(
            snapshot => Route(snapshot, transaction) is var (range, key)
                ? calls.Leader(range.Id).ReadAsync(new RangeRead(key, Timestamp.Zero, range.Generation))
                : new(ReadResult.Failed(NotCreated)),
            result => result.Failure,
            ReadResult.Failed,
            isWrite: false,
            waitsForLeader: true,
            timeout,
            CancellationToken.None);
        if (read.Failure is not null)
            return new RecordRead(read.Failure, null, Timestamp.Zero);
        try
        {
            return new RecordRead(null, read.Found ? TransactionRecord.Decode(TransactionRecord.KeyOf(transaction), read.Value.Span) : null, read.ReadTimestamp);
        }
        catch (InvalidDataException exception)
        {
            return new RecordRead(Failure.NotApplied(ErrorCode.Internal, $"the record of transaction {transaction}: {exception.Message}"), null, Timestamp.Zero);
        }
    }

    public async ValueTask<Failure?> DecideAsync(TransactionRecord record, TimeSpan timeout)
    {
        if (timeout <= TimeSpan.Zero)
            return NoTime;
        var value = record.Encode();
        var result = await calls.RunAsync(
            snapshot => Route(snapshot, record.Transaction) is var (range, key)
                ? calls.Leader(range.Id).WriteAsync(new RangeWrite(
                    [new KeyWrite(key, WriteKind.Put, value, "application/octet-stream", new WriteCondition(ConditionKind.NotExists, default), TimeToLive: null)], range.Generation)
                {
                    NotAfter = record.Deadline,
                })
                : new(WriteResult.Failed(NotCreated)),
            result => result.Failure,
            WriteResult.Failed,
            isWrite: true,
            waitsForLeader: true,
            timeout,
            CancellationToken.None);
        return result.Failure;
    }

    private static Failure NoTime => Failure.NotApplied(ErrorCode.Unavailable, "no time is left");

    private static Failure NotCreated => Failure.NotApplied(ErrorCode.Unavailable, $"keyspace {SystemKeyspaces.Transactions} is being created");

    private static (RangeDescriptor Range, ReadOnlyMemory<byte> Key)? Route(MetaSnapshot snapshot, TransactionId transaction)
    {
        if (snapshot.FindActive(SystemKeyspaces.Transactions) is not { } map)
            return null;
        var key = RoutingKey.Of(map.Keyspace.Partitioning, TransactionRecord.KeyOf(transaction));
        return (map.Find(key.Span), key);
    }
}
