using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Api.Tests.Fakes;

/// <summary>
/// A store in memory with versions, conditions, snapshots and pages, for tests of the API alone. Every call is counted, so
/// that a test can prove that bad input never got here.
/// </summary>
internal sealed class FakeStore : IKeyValueStore
{
    public static readonly ServedBy Server = new("local", new RangeId(17), "node1", ReplicaRole.Leader);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, SortedDictionary<byte[], List<HistoryItem>>> _keyspaces = [];
    private readonly Dictionary<string, (UInt128 Hash, IdempotencyRecord Record)> _stamps = new(StringComparer.Ordinal);
    private Timestamp _clock = Timestamp.FromTime(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private int _calls;

    public FakeStore() => _keyspaces["default"] = new(Comparer<byte[]>.Create((left, right) => left.AsSpan().SequenceCompareTo(right)));

    public int Calls => _calls;

    /// <summary>Answers the next call in place of the store.</summary>
    public Failure? NextFailure { get; set; }

    /// <summary>Thrown by the next call.</summary>
    public Exception? NextException { get; set; }

    /// <summary>Every call waits for this.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    /// <summary>Set when a call has arrived at the gate.</summary>
    public TaskCompletionSource Arrived { get; set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Set when a call at the gate was cancelled.</summary>
    public TaskCompletionSource Cancelled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public KeyWrite? LastWrite { get; private set; }

    public ScanQuery? LastScan { get; private set; }

    public TimeSpan LastTimeout { get; private set; }

    public ReadConsistency LastConsistency { get; private set; }

    public WriteLevel LastLevel { get; private set; }

    public IdempotencyStamp? LastStamp { get; private set; }

    /// <summary>Who serves, and how stale, in place of the leader.</summary>
    public (ServedBy ServedBy, TimeSpan? Staleness) Serving { get; set; } = (Server, null);

    /// <summary>What the replicas say to a write.</summary>
    public IReadOnlyList<ReplicaVote> Votes { get; set; } = [];

    public Timestamp GcThreshold { get; set; }

    public async ValueTask<WriteResult> WriteAsync(string keyspace, KeyWrite write, WriteOptions options, TimeSpan timeout, CancellationToken cancellationToken)
    {
        LastWrite = write;
        LastLevel = options.Level;
        LastStamp = options.Idempotency;
        if (await EnterAsync(keyspace, timeout, cancellationToken) is { } failure)
            return WriteResult.Failed(failure);
        lock (_lock)
        {
            if (FindRepeated(options.Idempotency, out var mismatch) is { } repeated)
                return new WriteResult { Version = repeated.Version, Existed = repeated.Existed, ServedBy = Server, Answer = repeated.Answer, IsRepeated = true };
            if (mismatch is not null)
                return WriteResult.Failed(mismatch);
            var current = Newest(keyspace, write.Key) is { Deleted: false } there ? there.Version : Timestamp.Zero;
            if (!Holds(write.Condition, current))
                return WriteResult.Failed(Failure.NotApplied(ErrorCode.VersionMismatch, "The condition does not hold.") with { CurrentVersion = current });
            var version = Apply([(keyspace, write)]);
            Remember(options.Idempotency, new IdempotencyRecord(version, !current.IsZero, options.Idempotency?.Answer ?? default));
            return new WriteResult { Version = version, Existed = !current.IsZero, ServedBy = Server, Replicas = Votes };
        }
    }

    /// <summary>What transactions look at; they hold this lock while they do.</summary>
    internal Lock Gated => _lock;

    internal Timestamp Now => _clock;

    internal bool Has(string keyspace) => _keyspaces.ContainsKey(keyspace);

    internal static bool Holds(WriteCondition condition, Timestamp current) => condition.Kind switch
    {
        ConditionKind.None => true,
        ConditionKind.Exists => !current.IsZero,
        ConditionKind.NotExists => current.IsZero,
        _ => current == condition.Version,
    };

    internal HistoryItem? Newest(string keyspace, ReadOnlyMemory<byte> key) =>
        _keyspaces[keyspace].TryGetValue(key.ToArray(), out var versions) && versions.Count > 0 ? versions[0] : null;

    internal HistoryItem? At(string keyspace, ReadOnlyMemory<byte> key, Timestamp at) =>
        _keyspaces[keyspace].TryGetValue(key.ToArray(), out var versions) ? Visible(versions, at) : null;

    internal IEnumerable<(byte[] Key, HistoryItem Item)> RowsAt(string keyspace, Timestamp at) =>
        from row in _keyspaces[keyspace]
        let item = Visible(row.Value, at)
        where item is not null
        select (row.Key, item.Value);

    /// <summary>All at one version.</summary>
    internal Timestamp Apply(IReadOnlyList<(string Keyspace, KeyWrite Write)> writes)
    {
        _clock = _clock.Next;
        foreach (var (keyspace, write) in writes)
        {
            var key = write.Key.ToArray();
            if (!_keyspaces[keyspace].TryGetValue(key, out var versions))
                _keyspaces[keyspace].Add(key, versions = []);
            var expires = write.TimeToLive is { } span ? _clock.Add(span) : Timestamp.Zero;
            versions.Insert(0, new HistoryItem(_clock, write.Kind == WriteKind.Delete, expires, write.ContentType, write.Value));
        }

        return _clock;
    }

    internal IdempotencyRecord? FindRepeated(IdempotencyStamp? stamp, out Failure? mismatch)
    {
        mismatch = null;
        if (stamp is null || !_stamps.TryGetValue(stamp.Key, out var there))
            return null;
        if (there.Hash == stamp.RequestHash)
            return there.Record;
        mismatch = Failure.NotApplied(ErrorCode.IdempotencyMismatch, "The key was used for another request.");
        return null;
    }

    internal void Remember(IdempotencyStamp? stamp, IdempotencyRecord record)
    {
        if (stamp is not null)
            _stamps.Add(stamp.Key, (stamp.RequestHash, record));
    }

    public async ValueTask<ReadResult> ReadAsync(
        string keyspace, ReadOnlyMemory<byte> key, Timestamp asOf, ReadConsistency consistency, TimeSpan timeout, CancellationToken cancellationToken)
    {
        LastConsistency = consistency;
        if (await EnterAsync(keyspace, timeout, cancellationToken) is { } failure)
            return ReadResult.Failed(failure);
        lock (_lock)
        {
            var at = asOf.IsZero ? _clock : asOf;
            if (at < GcThreshold)
                return ReadResult.Failed(Failure.NotApplied(ErrorCode.SnapshotTooOld, "Collected.") with { GcThreshold = GcThreshold });
            return _keyspaces[keyspace].TryGetValue(key.ToArray(), out var versions) && Visible(versions, at) is { } item
                ? new ReadResult { Found = true, Version = item.Version, ContentType = item.ContentType, Value = item.Value, ReadTimestamp = at, ServedBy = Serving.ServedBy, Staleness = Serving.Staleness }
                : new ReadResult { ReadTimestamp = at, ServedBy = Serving.ServedBy, Staleness = Serving.Staleness };
        }
    }

    public async ValueTask<ScanResult> ScanAsync(string keyspace, ScanQuery query, ReadConsistency consistency, TimeSpan timeout, CancellationToken cancellationToken)
    {
        LastScan = query;
        LastConsistency = consistency;
        if (await EnterAsync(keyspace, timeout, cancellationToken) is { } failure)
            return ScanResult.Failed(failure);
        lock (_lock)
        {
            var at = query.AsOf.IsZero ? _clock : query.AsOf;
            var rows = _keyspaces[keyspace]
                .Where(row => InBounds(row.Key, query))
                .Select(row => (row.Key, Item: Visible(row.Value, at)))
                .Where(row => row.Item is not null)
                .Select(row => new ScanItem(row.Key, row.Item!.Value.Version, row.Item.Value.ContentType, query.KeysOnly ? default : row.Item.Value.Value));
            if (query.Reverse)
                rows = rows.Reverse();
            var page = rows.Take(query.Limit + 1).ToList();
            var more = page.Count > query.Limit;
            var resume = !more ? null : query.Reverse ? page[query.Limit - 1].Key.ToArray() : page[query.Limit].Key.ToArray();
            return new ScanResult { Items = more ? page[..query.Limit] : page, ResumeKey = resume, ReadTimestamp = at, ServedBy = Serving.ServedBy, Staleness = Serving.Staleness };
        }
    }

    public async ValueTask<HistoryResult> HistoryAsync(string keyspace, ReadOnlyMemory<byte> key, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (await EnterAsync(keyspace, timeout, cancellationToken) is { } failure)
            return HistoryResult.Failed(failure);
        lock (_lock)
        {
            var versions = _keyspaces[keyspace].TryGetValue(key.ToArray(), out var found) ? found.ToArray() : [];
            return new HistoryResult { Versions = versions, GcThreshold = GcThreshold, ServedBy = Server };
        }
    }

    private static HistoryItem? Visible(List<HistoryItem> versions, Timestamp at)
    {
        foreach (var item in versions)
        {
            if (item.Version <= at)
                return item.Deleted || (!item.ExpiresAt.IsZero && item.ExpiresAt <= at) ? null : item;
        }

        return null;
    }

    internal static bool InBounds(byte[] key, ScanQuery query)
    {
        if (key.AsSpan().SequenceCompareTo(query.Start.Span) < 0 || (query.End is { } end && key.AsSpan().SequenceCompareTo(end.Span) >= 0))
            return false;
        if (query.ResumeKey is not { } resume)
            return true;
        var order = key.AsSpan().SequenceCompareTo(resume);
        return query.Reverse ? order < 0 : order >= 0;
    }

    private async ValueTask<Failure?> EnterAsync(string keyspace, TimeSpan timeout, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _calls);
        LastTimeout = timeout;
        Arrived.TrySetResult();
        try
        {
            await Gate.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            Cancelled.TrySetResult();
            throw;
        }

        if (NextException is { } exception)
        {
            NextException = null;
            throw exception;
        }

        if (NextFailure is { } failure)
        {
            NextFailure = null;
            return failure;
        }

        return _keyspaces.ContainsKey(keyspace) ? null : Failure.NotApplied(ErrorCode.KeyspaceNotFound, $"There is no keyspace '{keyspace}'.");
    }
}
