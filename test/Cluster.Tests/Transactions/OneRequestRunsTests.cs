using System.Text;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Engine.Ranges;
using GrainDb.Engine.Replication;
using GrainDb.Engine.Time;
using GrainDb.Engine.Transactions;
using GrainDb.Engine.Wal;
using GrainDb.Grains.Transactions;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Cluster.Tests.Transactions;

/// <summary>
/// A transaction of one range whose first attempt has no answer, because the network still has it: whatever the second attempt is told and the user with it, holds for the
/// first one too, when it arrives at last. The range is a real leader on a real log.
/// </summary>
public sealed class OneRequestRunsTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly ReadOnlyMemory<byte> Flag = "a-flag"u8.ToArray();
    private static readonly ReadOnlyMemory<byte> Target = "a-target"u8.ToArray();

    private readonly TestDirectory _directory = new();
    private readonly FakeRanges _ranges = new("n1");
    private readonly List<RangeTransact> _delayed = [];
    private readonly HybridLogicalClock _clock = new(TimeProvider.System, HybridLogicalClock.DefaultMaxOffset);
    private RangeReplica _replica = null!;
    private RangeLeader _leader = null!;
    private OneRequestRuns _runs = null!;

    public async ValueTask InitializeAsync()
    {
        var own = FakeRanges.On("n1")[0];
        _replica = RangeReplica.Open(
            new RangeReplicaOptions(FakeRanges.Left, own.Id, _directory.Path, WalOptions.Default, GroupCommitOptions.Default, new RangeConfiguration([own], [])), new NativeFileSystem(), _clock);
        var acceptor = new ReplicaAcceptor(_replica, ReplicationOptions.Default, TimeProvider.System, new LeaseMemory(TimeProvider.System, TimeProvider.System.GetTimestamp()));
        _leader = new RangeLeader(acceptor, new NoPeers(), new RangeLeaderOptions(
            _ranges.Meta.Range(FakeRanges.Left),
            KeyspacePartitioning.Range,
            "n1",
            "local",
            KeyLimits.DefaultMaxValueBytes,
            Guid.NewGuid(),
            action => _ = Task.Run(action),
            TimeProvider.System,
            NoTransactionRecovery.Instance));
        Assert.Null(await _leader.StartAsync());

        await _ranges.Cache.RefreshAsync(TestContext.Current.CancellationToken);
        _ranges.Leader(FakeRanges.Left).Transacts = _leader.TransactAsync;
        var context = new CoordinatorContext
        {
            Ranges = new TransactionRanges(_ranges.Cache, _ranges.Calls, TimeProvider.System),
            Resolutions = new DirectResolutions(_leader),
            Clock = _clock,
            Time = TimeProvider.System,
            Node = "n1",
            MaxValueBytes = KeyLimits.DefaultMaxValueBytes,
            Random = () => (ulong)Random.Shared.NextInt64(),
        };
        _runs = new OneRequestRuns(context, _ranges.Cache, _ranges.Calls, TimeProvider.System);
    }

    public async ValueTask DisposeAsync()
    {
        await _leader.DisposeAsync();
        _replica.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task An_attempt_that_arrives_after_a_refusal_was_told_does_not_commit()
    {
        await PutAsync(Flag, "off");
        DelayFirstAttempt();

        var told = await RunAsync();
        Assert.Null(told.Failure);
        Assert.False(told.Committed);

        // Now its check would hold.
        await PutAsync(Flag, "on");
        var late = await _leader.TransactAsync(Assert.Single(_delayed));

        Assert.False(late.Committed);
        Assert.Equal(ErrorCode.TransactionExpired, late.Failure?.Code);
        Assert.Null(await GetAsync(Target));
    }

    [Fact]
    public async Task An_attempt_that_arrives_after_a_commit_was_told_is_the_same_commit()
    {
        await PutAsync(Flag, "on");
        DelayFirstAttempt();

        var told = await RunAsync();
        Assert.True(told.Committed);
        await PutAsync(Target, "of somebody else");
        var late = await _leader.TransactAsync(Assert.Single(_delayed));

        Assert.Equal(told.CommitTimestamp, late.CommitTimestamp);
        Assert.Equal("of somebody else", await GetAsync(Target));
    }

    /// <summary>The network takes the first attempt and says nothing; the next ones arrive.</summary>
    private void DelayFirstAttempt() => _ranges.Leader(FakeRanges.Left).Transacts = request =>
    {
        if (_delayed.Count > 0)
            return _leader.TransactAsync(request);
        _delayed.Add(request);
        throw new TimeoutException("no answer");
    };

    private async Task<TransactResult> RunAsync() => await _runs.RunAsync(
        new TransactRequest
        {
            Checks = [new TransactCheck("wide", Flag, CheckKind.ValueEquals, Timestamp.Zero, "on"u8.ToArray())],
            Writes = [new TransactWrite("wide", Put(Target, "done"), Increment: null)],
        },
        Patience,
        TestContext.Current.CancellationToken);

    private async Task PutAsync(ReadOnlyMemory<byte> key, string value) =>
        Assert.Null((await _leader.WriteAsync(new RangeWrite([Put(key, value)], _leader.Descriptor.Generation))).Failure);

    private async Task<string?> GetAsync(ReadOnlyMemory<byte> key)
    {
        var read = await _leader.ReadAsync(new RangeRead(key, Timestamp.Zero, _leader.Descriptor.Generation));
        Assert.Null(read.Failure);
        return read.Found ? Encoding.UTF8.GetString(read.Value.Span) : null;
    }

    private static KeyWrite Put(ReadOnlyMemory<byte> key, string value) => new(key, WriteKind.Put, Encoding.UTF8.GetBytes(value), "text/plain", default, null);

    /// <summary>The only voter calls nobody.</summary>
    private sealed class NoPeers : IReplicaTransport
    {
        public Task<PromiseAnswer?> PromiseAsync(ReplicaDescriptor to, PromiseRequest request) => throw new InvalidOperationException();

        public Task<AppendAnswer?> AppendAsync(ReplicaDescriptor to, AppendRequest request) => throw new InvalidOperationException();

        public Task<FetchAnswer?> FetchAsync(ReplicaDescriptor to, FetchRequest request) => throw new InvalidOperationException();

        public Task<SnapshotAnswer?> SnapshotAsync(ReplicaDescriptor to, SnapshotChunk chunk) => throw new InvalidOperationException();

        public void Release(ReplicaDescriptor to, ReleaseNotice notice) => throw new InvalidOperationException();
    }

    private sealed class DirectResolutions(RangeLeader leader) : IResolutions
    {
        public async Task<bool> ResolveAsync(Resolution resolution, IReadOnlyList<RangeId> participants)
        {
            Assert.Equal(FakeRanges.Left, Assert.Single(participants));
            return await leader.ResolveAsync([resolution]) is null;
        }

        public void Settle(TransactionId transaction, RangeId anchor) => throw new InvalidOperationException("a transaction of one range has nobody to settle with");
    }
}
