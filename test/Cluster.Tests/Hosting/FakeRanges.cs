using System.Collections.Immutable;
using System.Reflection;
using GrainDb.Engine.Replication;
using GrainDb.Engine.Time;
using GrainDb.Engine.Transactions;
using GrainDb.Engine.Wal;
using GrainDb.Grains.Changes;
using GrainDb.Grains.Eventual;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Placement;
using GrainDb.Grains.Ranges;
using GrainDb.Grains.Replicas;
using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using GrainDb.Interfaces.Ring;
using GrainDb.Interfaces.Transactions;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace GrainDb.Cluster.Tests.Hosting;

/// <summary>
/// What one node's routing sees of a cluster, without silos: nodes n1 to n4, and a keyspace <c>wide</c> of range 5 on n1, n2, n3 up to
/// the key <c>m</c> and range 6 on n3, n1, n2 behind it. Leaders and replicas answer what a test tells them to, and keep what they were asked.
/// </summary>
internal sealed class FakeRanges
{
    public static readonly RangeId Left = new(5);
    public static readonly RangeId Right = new(6);

    private readonly Dictionary<string, FakeReplica> _replicas = [];
    private readonly Dictionary<long, FakeLeader> _leaders = [];

    public FakeRanges(string node, params string[] down)
    {
        var grains = DispatchProxy.Create<IGrainFactory, FakeGrainFactory>();
        ((FakeGrainFactory)(object)grains).Ranges = this;
        Meta = new FakeMetaLeader();
        var options = new NodeOptions { Name = node, DataDirectory = "", BootstrapNodes = ["n1"] };
        var local = new LocalRanges();
        Clock = new HybridLogicalClock(Time, HybridLogicalClock.DefaultMaxOffset);
        Live = new LiveNodes(new FakeMembership(["n1", "n2", "n3", "n4"], down));
        Grains = grains;
        var storage = new NodeStorage(options, new StorageOptions(), new NativeFileSystem(), Clock, NullLogger<NodeStorage>.Instance);
        var eventual = new EventualHost(options, storage, Time, NullLogger<EventualHost>.Instance);
        var host = new ReplicaHost(
            options, storage, local, new ReplicaTransport(grains, Live), new StateLoading(Time, NullLogger<StateLoading>.Instance), eventual, ReplicationOptions.Default, NoTransactionRecovery.Instance, Time, NullLogger<ReplicaHost>.Instance);
        var routes = new LeaderRoutes(options, local, host, Live, ReplicationOptions.Default, grains);
        Cache = new MetaCache(storage, routes, Time);
        Calls = new RangeCalls(Cache, routes, Time);
        Feed = new ChangeFeed(Cache, Calls, Clock, Time);
        Keys = new KeyValueStore(options, Cache, local, Calls, new ReadRouting(options, Live, local, Calls, grains, Time), Clock, Time);
    }

    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 5, 1, 12, 0, 0, TimeSpan.Zero));

    public HybridLogicalClock Clock { get; }

    public KeyValueStore Keys { get; }

    public ChangeFeed Feed { get; }

    public LiveNodes Live { get; }

    public MetaCache Cache { get; }

    public RangeCalls Calls { get; }

    public IGrainFactory Grains { get; }

    public FakeMetaLeader Meta { get; }

    /// <summary>Replicas on these nodes, in this order; a node's id is the same in every range.</summary>
    public static ReplicaDescriptor[] On(params string[] nodes) => [.. nodes.Select(node => new ReplicaDescriptor(node, new Guid(node[^1], 0, 0, new byte[8])))];

    public FakeLeader Leader(RangeId range) => _leaders.TryGetValue(range.Value, out var leader) ? leader : _leaders[range.Value] = new FakeLeader(range);

    public FakeReplica Replica(RangeId range, string node) =>
        _replicas.TryGetValue($"{range}@{node}", out var replica) ? replica : _replicas[$"{range}@{node}"] = new FakeReplica(range, node);

    /// <summary>Everything that was asked of anybody, <c>range@node</c> for a replica.</summary>
    public IEnumerable<string> Asked =>
        _replicas.Where(replica => replica.Value.Reads.Count + replica.Value.Scans.Count > 0).Select(replica => replica.Key)
            .Concat(_leaders.Where(leader => leader.Value.Reads.Count + leader.Value.Scans.Count > 0).Select(leader => $"leader of {leader.Key}"))
            .Order(StringComparer.Ordinal);

    /// <summary>Hands out the fakes. A proxy, because of the factory's many members only one is used.</summary>
#pragma warning disable CA1852 // A dispatch proxy's base must be open: the proxy derives from it.
    internal class FakeGrainFactory : DispatchProxy
#pragma warning restore CA1852
    {
        public FakeRanges Ranges { get; set; } = null!;

        protected override object Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            var (grain, key) = (targetMethod!.GetGenericArguments()[0], args![0]!);
            if (grain == typeof(IReplicaGrain))
            {
                var parts = ((string)key).Split('@');
                return Ranges.Replica(new RangeId(long.Parse(parts[0], System.Globalization.CultureInfo.InvariantCulture)), parts[1]);
            }

            return grain != typeof(IKeyRangeGrain) ? throw new NotSupportedException(grain.Name) : (long)key == 0 ? Ranges.Meta : Ranges.Leader(new RangeId((long)key));
        }
    }

    private sealed class FakeMembership(string[] nodes, string[] down) : IClusterMembershipService
    {
        public ClusterMembershipSnapshot CurrentSnapshot { get; } = new(
            nodes
                .Select((name, index) => new ClusterMember(SiloAddress.FromParsableString($"127.0.0.1:{index + 1}@1"), down.Contains(name) ? SiloStatus.Dead : SiloStatus.Active, name))
                .ToImmutableDictionary(member => member.SiloAddress),
            new MembershipVersion(1));

        public IAsyncEnumerable<ClusterMembershipSnapshot> MembershipUpdates => throw new NotSupportedException();

        public ValueTask Refresh(MembershipVersion minimumVersion = default, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public Task<bool> TryKill(SiloAddress siloAddress) => throw new NotSupportedException();
    }
}

/// <summary>A replica as a test wants it: without an answer set it says that it cannot serve.</summary>
internal sealed class FakeReplica(RangeId range, string node) : IReplicaGrain
{
    public static readonly Failure CannotServe = Failure.NotApplied(ErrorCode.Unavailable, "closed too long ago");

    public List<RangeRead> Reads { get; } = [];

    public List<RangeScan> Scans { get; } = [];

    /// <summary>In place of an answer.</summary>
    public Failure? Failure { get; set; } = CannotServe;

    /// <summary>What it throws.</summary>
    public Exception? Exception { get; set; }

    /// <summary>What it waits for before it answers.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    /// <summary>Its closed timestamp.</summary>
    public Timestamp Closed { get; set; }

    public TimeSpan Staleness { get; set; }

    /// <summary>Lets it serve.</summary>
    public FakeReplica Serves(ulong closed, int stalenessMs)
    {
        (Failure, Closed, Staleness) = (null, new Timestamp(closed), TimeSpan.FromMilliseconds(stalenessMs));
        return this;
    }

    public async ValueTask<ReadResult> ReadAsync(RangeRead request)
    {
        Reads.Add(request);
        await EnterAsync();
        return Failure is not null ? ReadResult.Failed(Failure) : new ReadResult { ReadTimestamp = At(request.AsOf), ServedBy = Me, Staleness = Staleness };
    }

    public async ValueTask<ScanResult> ScanAsync(RangeScan request)
    {
        Scans.Add(request);
        await EnterAsync();
        return Failure is not null ? ScanResult.Failed(Failure) : new ScanResult { ReadTimestamp = At(request.AsOf), ServedBy = Me, Staleness = Staleness };
    }

    public Task<PromiseAnswer> PromiseAsync(PromiseRequest request) => throw new NotSupportedException();

    public Task<AppendAnswer> AppendAsync(AppendRequest request) => throw new NotSupportedException();

    public Task<FetchAnswer> FetchAsync(FetchRequest request) => throw new NotSupportedException();

    public Task<SnapshotAnswer> ReceiveSnapshotAsync(SnapshotChunk chunk) => throw new NotSupportedException();

    public Task ReleaseAsync(ReleaseNotice notice) => throw new NotSupportedException();

    private ServedBy Me => new("local", range, node, ReplicaRole.Follower);

    private Timestamp At(Timestamp asOf) => asOf.IsZero ? Closed : asOf;

    private async Task EnterAsync()
    {
        if (Exception is not null)
            throw Exception;
        await Gate;
    }
}

/// <summary>A leader that serves everything, at the snapshot asked for or at <see cref="Now"/>.</summary>
internal sealed class FakeLeader(RangeId range) : SilentRange
{
    public static readonly Timestamp Now = new(9_000);

    public List<RangeRead> Reads { get; } = [];

    public List<RangeScan> Scans { get; } = [];

    public List<RangeWrite> Writes { get; } = [];

    public List<string> Transfers { get; } = [];

    /// <summary>What it says of its changes; nothing, for as long as anybody waits, unless a test says otherwise.</summary>
    public Func<RangeChanges, CancellationToken, ValueTask<RangeChangesResult>> Changes { get; set; } = static async (request, cancellationToken) =>
    {
        var resolved = request.AtLeast == Timestamp.Max ? request.After : Timestamp.Later(request.AtLeast, request.After);
        if (request.Wait > TimeSpan.Zero && request.AtLeast == Timestamp.Max)
            await Task.Delay(Timeout.Infinite, cancellationToken);
        return new RangeChangesResult { Resolved = resolved };
    };

    /// <summary>What becomes of a transaction that is sent to it whole.</summary>
    public Func<RangeTransact, ValueTask<TransactResult>> Transacts { get; set; } = static _ => throw new InvalidOperationException("no transaction was expected here");

    public override ValueTask<WriteResult> WriteAsync(RangeWrite request)
    {
        Writes.Add(request);
        return new(new WriteResult { Version = Now, ServedBy = Me });
    }

    public override ValueTask<TransactResult> TransactAsync(RangeTransact request) => Transacts(request);

    public override ValueTask<ReadResult> ReadAsync(RangeRead request)
    {
        Reads.Add(request);
        return new(new ReadResult { ReadTimestamp = At(request.AsOf), ServedBy = Me });
    }

    public override ValueTask<ScanResult> ScanAsync(RangeScan request)
    {
        Scans.Add(request);
        return new(new ScanResult { ReadTimestamp = At(request.AsOf), ServedBy = Me });
    }

    public override ValueTask<RangeChangesResult> ChangesAsync(RangeChanges request, CancellationToken cancellationToken) => Changes(request, cancellationToken);

    public override Task TransferLeaderAsync(string node)
    {
        Transfers.Add(node);
        return Task.CompletedTask;
    }

    private ServedBy Me => new("local", range, "n1", ReplicaRole.Leader);

    private static Timestamp At(Timestamp asOf) => asOf.IsZero ? Now : asOf;
}

/// <summary>The meta range's rows in memory.</summary>
internal sealed class FakeMetaLeader : SilentRange
{
    private readonly SortedDictionary<string, ReadOnlyMemory<byte>> _rows = new(StringComparer.Ordinal);
    private Timestamp _version = new(1);

    public FakeMetaLeader()
    {
        _rows[MetaRows.CatalogKey] = MetaRows.Encode(new CatalogRow(Guid.Empty, 7, 1));
        _rows[MetaRows.KeyspaceKey("wide")] = MetaRows.Encode(new KeyspaceRow(new KeyspaceDescriptor { Name = "wide" }, KeyspaceState.Active));
        _rows[MetaRows.RangeKey(FakeRanges.Left)] = MetaRows.Encode(new RangeDescriptor(FakeRanges.Left, "wide", [], "m"u8.ToArray(), Generation: 3, FakeRanges.On("n1", "n2", "n3")));
        _rows[MetaRows.RangeKey(FakeRanges.Right)] = MetaRows.Encode(new RangeDescriptor(FakeRanges.Right, "wide", "m"u8.ToArray(), null, Generation: 4, FakeRanges.On("n3", "n1", "n2")));
        _rows[MetaRows.NodeKey("n1")] = MetaRows.Encode(new NodeRow("n1", Guid.Empty, "local", 1, NodeState.Active, null));
    }

    /// <summary>How often it was asked whether there is anything new.</summary>
    public int Refreshes { get; private set; }

    public RangeDescriptor Range(RangeId range) => MetaRows.Decode<RangeDescriptor>(_rows[MetaRows.RangeKey(range)]);

    /// <summary>Somebody else changes a row between a node's look and its own change.</summary>
    public void Interfere() => _version = _version.Next;

    /// <summary>Cuts the left range at <c>g</c>; what is above belongs to a new range.</summary>
    public void SplitLeft(RangeId upper)
    {
        _rows[MetaRows.RangeKey(FakeRanges.Left)] = MetaRows.Encode(Range(FakeRanges.Left) with { End = "g"u8.ToArray(), Generation = 5 });
        _rows[MetaRows.RangeKey(upper)] = MetaRows.Encode(new RangeDescriptor(upper, "wide", "g"u8.ToArray(), "m"u8.ToArray(), Generation: 1, FakeRanges.On("n1", "n2", "n3")));
        Interfere();
    }

    /// <summary>The keyspace was deleted, and another one has its name.</summary>
    public void Recreate(RangeId only)
    {
        _rows.Remove(MetaRows.RangeKey(FakeRanges.Left));
        _rows.Remove(MetaRows.RangeKey(FakeRanges.Right));
        _rows[MetaRows.RangeKey(only)] = MetaRows.Encode(new RangeDescriptor(only, "wide", [], null, Generation: 1, FakeRanges.On("n1", "n2", "n3")));
        Interfere();
    }

    /// <summary>Called before the next write.</summary>
    public Action? BeforeWrite { get; set; }

    public override ValueTask<WriteResult> WriteAsync(RangeWrite request)
    {
        var before = BeforeWrite;
        BeforeWrite = null;
        before?.Invoke();
        if (request.Writes[0].Condition.Version != _version)
            return new(WriteResult.Failed(Failure.NotApplied(ErrorCode.VersionMismatch, "somebody was first")));
        _version = _version.Next;
        foreach (var write in request.Writes)
            _rows[System.Text.Encoding.UTF8.GetString(write.Key.Span)] = write.Value;
        return new(new WriteResult { Version = _version });
    }

    public override ValueTask<ReadResult> ReadAsync(RangeRead request)
    {
        Refreshes++;
        return new(new ReadResult { Found = true, Version = _version, ReadTimestamp = _version, Value = _rows[MetaRows.CatalogKey] });
    }

    public override ValueTask<ScanResult> ScanAsync(RangeScan request) => new(new ScanResult
    {
        ReadTimestamp = _version,
        Items = [.. _rows.Select(row => new ScanItem(MetaRows.Bytes(row.Key), _version, MetaRows.ContentType, row.Value))],
    });
}
