using GrainDb.Engine.Ranges;
using GrainDb.Engine.Time;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Tests.Transactions.Model;

/// <summary>The decisions, as a linearizable object in memory. What was ever decided is remembered besides, for the checks.</summary>
internal sealed class ModelRecords(HybridLogicalClock clock) : IKeyRange
{
    private readonly Dictionary<TransactionId, (byte[] Value, Timestamp Version)> _rows = [];

    public static RangeDescriptor Descriptor { get; } = new(new RangeId(100), "system.transactions", [], null, Generation: 1, []);

    public int Count => _rows.Count;

    /// <summary>The first decision of every transaction, whatever became of its row.</summary>
    public Dictionary<TransactionId, TransactionRecord> Decided { get; } = [];

    public RecordRead Read(TransactionId transaction) =>
        new(null, _rows.TryGetValue(transaction, out var row) ? TransactionRecord.Decode(TransactionRecord.KeyOf(transaction), row.Value) : null, clock.Now());

    public Failure? Decide(TransactionRecord record)
    {
        if (_rows.ContainsKey(record.Transaction))
            return Failure.NotApplied(ErrorCode.VersionMismatch, "there is a decision");
        var now = clock.Now();
        if (now > record.Deadline)
            return Failure.NotApplied(ErrorCode.TransactionExpired, "the deadline is over");
        _rows.Add(record.Transaction, (record.Encode(), now));
        Decided.TryAdd(record.Transaction, record);
        return null;
    }

    public ValueTask<RangeChangesResult> ChangesAsync(RangeChanges request, CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask<ScanResult> ScanAsync(RangeScan request)
    {
        var rows = _rows
            .Select(row => new ScanItem(RoutingKey.Of(KeyspacePartitioning.Hash, TransactionRecord.KeyOf(row.Key)), row.Value.Version, "", row.Value.Value))
            .Where(row => row.Key.Span.SequenceCompareTo(request.Start) >= 0)
            .OrderBy(row => row.Key, RoutingKeyOrder.Instance).ToList();
        return new(new ScanResult
        {
            Items = [.. rows.Take(request.Limit)],
            ResumeKey = rows.Count > request.Limit ? rows[request.Limit].Key.ToArray() : null,
            ReadTimestamp = clock.Now(),
        });
    }

    public ValueTask<WriteResult> WriteAsync(RangeWrite request)
    {
        var ids = request.Writes.Select(write => (TransactionId.Read(write.Key.Span[RoutingKey.HashBytes..]), write.Condition)).ToList();
        if (ids.Exists(one => !_rows.TryGetValue(one.Item1, out var row) || row.Version != one.Condition.Version))
            return new(WriteResult.Failed(Failure.NotApplied(ErrorCode.VersionMismatch, "it is another")));
        foreach (var (id, _) in ids)
            _rows.Remove(id);
        return new(new WriteResult { Version = clock.Now() });
    }

    public ValueTask<ReadResult> ReadAsync(RangeRead request) => throw new NotSupportedException();

    public ValueTask<HistoryResult> HistoryAsync(RangeHistory request) => throw new NotSupportedException();

    public ValueTask<PrepareResult> PrepareAsync(RangePrepare request) => throw new NotSupportedException();

    public ValueTask<RangeCommitResult> CommitAsync(TransactionWork request) => throw new NotSupportedException();

    public ValueTask<TransactResult> TransactAsync(RangeTransact request) => throw new NotSupportedException();

    public ValueTask<Failure?> ResolveAsync(Resolution[] resolutions) => throw new NotSupportedException();

    public ValueTask<Failure?> RefreshAsync(RangeRefresh request) => throw new NotSupportedException();
}
