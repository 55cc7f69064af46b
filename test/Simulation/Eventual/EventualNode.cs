using GrainDb.Engine.Eventual;
using GrainDb.Engine.Replication;
using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Time;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;
using GrainDb.Simulation.Clocks;
using GrainDb.Simulation.Core;

namespace GrainDb.Simulation.Eventual;

/// <summary>
/// One machine with replicas of the one partition that is simulated, and with hints. What a node's host does around the machines of the engine, it does here in a few lines.
/// </summary>
internal sealed class EventualNode
{
    private static readonly TimeSpan RequestPatience = TimeSpan.FromSeconds(2);

    private readonly EventualCluster _cluster;
    private readonly Random _random;
    private readonly Dictionary<Guid, ReplicaStanding> _planned = [];
    private readonly Dictionary<Guid, EventualReplica> _replicas = [];
    private readonly Dictionary<Guid, PartitionRepair> _repairs = [];
    private Guid _hintLog;

    public EventualNode(EventualCluster cluster, string name)
    {
        _cluster = cluster;
        _random = cluster.World.NewRandom(name);
        Name = name;
        Clocks = new ClockFaults { Rate = 1 + (0.01 * ((2 * _random.NextDouble()) - 1)), WallOffset = cluster.Profile.WallOffset * ((2 * _random.NextDouble()) - 1) };
        Disk = NewDisk(new FaultyFileSystem());
        _hintLog = cluster.NewId();
    }

    public string Name { get; }

    public ClockFaults Clocks { get; }

    public FaultyFileSystem Disk { get; private set; }

    public SimulatedProcess? Process { get; private set; }

    public bool IsUp => Process is { IsAlive: true };

    /// <summary>The newest configuration that the node has heard of. Survives everything.</summary>
    public PartitionConfiguration View { get; set; } = null!;

    public HintStore? Hints { get; private set; }

    public IEnumerable<EventualReplica> Replicas => _replicas.Values;

    private NodeClock Clock { get; set; } = null!;

    private HybridLogicalClock Timestamps { get; set; } = null!;

    private EventualTransport Transport { get; set; } = null!;

    public EventualReplica? Find(Guid id) => _replicas.GetValueOrDefault(id);

    /// <summary>A replica is to exist from now on.</summary>
    public void Plan(Guid id, ReplicaStanding beginning)
    {
        _planned[id] = beginning;
        if (IsUp)
            Process!.Run(() => Open(id));
    }

    /// <summary>A replica left the partition.</summary>
    public void Remove(Guid id)
    {
        _planned.Remove(id);
        if (_replicas.Remove(id, out var replica))
            Process!.Run(replica.Dispose);
    }

    public void Start()
    {
        Clear();
        var process = Process = new SimulatedProcess(_cluster.World, Name, _cluster.World.NewRandom($"{Name} at {_cluster.World.Now}"))
        {
            Died = Clear,
            HasStopped = () => Disk.Crashed,
        };
        Clock = new NodeClock(process, Clocks, _random);
        Timestamps = new HybridLogicalClock(Clock, HybridLogicalClock.DefaultMaxOffset);
        Transport = new EventualTransport(_cluster, process, Schedule);
        _cluster.Network.Attach(process);
        process.Run(() =>
        {
            var options = new HintStoreOptions($"/hints-{_hintLog:N}", _hintLog, SmallLog, SmallCommits) { Faults = _cluster.Profile.Faults };
            Hints = HintStore.Open(options, Disk, Timestamps, Schedule);
            foreach (var id in _planned.Keys.ToList())
                Open(id);
        });
        process.Start(CareAsync);
        process.Start(HandOffAsync);
    }

    public void Crash(CrashOutcome outcome)
    {
        Process?.Die();
        Disk = NewDisk(Disk.AfterPowerLoss(outcome));
    }

    /// <summary>Everything on the disk is gone, hints included.</summary>
    /// <returns>The replicas that were on it.</returns>
    public List<Guid> Wipe()
    {
        Process?.Die();
        Disk = NewDisk(new FaultyFileSystem());
        _hintLog = _cluster.NewId();
        List<Guid> lost = [.. _planned.Keys];
        if (_cluster.Has(EventualFaults.ForgetLostDisk))
        {
            foreach (var id in lost)
                _planned[id] = ReplicaStanding.First;
            return [];
        }

        _planned.Clear();
        return lost;
    }

    public void Checkpoint()
    {
        foreach (var replica in _replicas.Values.ToList())
            replica.Checkpoint(CancellationToken.None);
        Hints?.Checkpoint(CancellationToken.None);
    }

    /// <summary>Carries a client's write out, at the own replica or another one; with a stamp at the one that coordinates such writes of the key.</summary>
    public Task<EventualWriteResult> WriteAsync(EventualWrite write, EventualLevel level, IdempotencyStamp? stamp = null) =>
        new WriteForwarding(
            node => Transport.IsReachable(node),
            async replica => replica.Node == Name
                ? await CoordinateAsync(replica.Id, write, level, stamp)
                : await _cluster.Network.CallAsync(
                    Process!, replica.Node, "coordinate", () => new ValueTask<EventualWriteResult>(_cluster.Node(replica.Node).CoordinateAsync(replica.Id, write, level, stamp)), RequestPatience, mayRepeat: false),
            _cluster.Options).RunAsync(stamp is null ? View : View with { Members = [IdempotencyCoordinator.Of(View, write.Key.Span)] }, Name);

    /// <summary>Carries a client's read out, at the own replica or another one.</summary>
    public async Task<EventualReadResult?> ReadAsync(ReadOnlyMemory<byte> key, EventualLevel level)
    {
        foreach (var replica in View.All.OrderBy(replica => replica.Node == Name ? 0 : 1))
        {
            if (replica.Node == Name)
                return await CoordinateReadAsync(replica.Id, key, level);
            if (Transport.IsReachable(replica.Node))
                return await _cluster.Network.CallAsync(Process!, replica.Node, "read", () => new ValueTask<EventualReadResult>(_cluster.Node(replica.Node).CoordinateReadAsync(replica.Id, key, level)), RequestPatience, mayRepeat: false);
        }

        return null;
    }

    /// <summary>Leads a round from one of the node's replicas.</summary>
    public async Task<int?> RunRoundAsync()
    {
        var view = View;
        if (view.Members.Select(member => Find(member.Id)).FirstOrDefault(replica => replica is not null) is not { } replica)
            return null;
        var round = new TombstoneRound(replica, Transport, _cluster.Options, _repairs[replica.Id], view, _cluster.NewId());
        return await round.RunAsync(Timestamp.Max, _cluster.Profile.Sloppy ? [.. _cluster.Nodes.Select(node => node.Name)] : [], CancellationToken.None);
    }

    private static WalOptions SmallLog { get; } = WalOptions.Default with { FirstSegmentBytes = 2048, MaxSegmentBytes = 8192, MinCheckpointBytes = 16 << 10, ReservedFreeBytes = 0 };

    private static GroupCommitOptions SmallCommits { get; } = new(MaxPendingBytes: 1 << 20, MaxPendingRecords: 64);

    private async Task<EventualWriteResult> CoordinateAsync(Guid id, EventualWrite write, EventualLevel level, IdempotencyStamp? stamp) =>
        Find(id) is { } replica
            ? await new WriteCoordination(replica, Name, Transport, _cluster.Options, Clock, View, level, _cluster.Profile.Sloppy).RunAsync(write, stamp, TimeSpan.FromSeconds(1))
            : EventualWriteResult.Failed(Interfaces.Errors.Failure.NotApplied(Interfaces.Errors.ErrorCode.Unavailable, "no such replica here"));

    private async Task<EventualReadResult> CoordinateReadAsync(Guid id, ReadOnlyMemory<byte> key, EventualLevel level) =>
        Find(id) is { } replica
            ? await new ReadCoordination(replica, Name, Transport, _cluster.Options, Timestamps, Clock, View, level).RunAsync(key, TimeSpan.FromSeconds(1))
            : EventualReadResult.Failed(Interfaces.Errors.Failure.NotApplied(Interfaces.Errors.ErrorCode.Unavailable, "no such replica here"));

    /// <summary>Compares the node's replicas with all others now and then.</summary>
    private async Task CareAsync()
    {
        while (true)
        {
            await Task.Delay(_cluster.AreThingsBreaking ? _cluster.Profile.CareInterval * (0.25 + (1.5 * _random.NextDouble())) : TimeSpan.FromSeconds(1), Clock);
            foreach (var id in _replicas.Keys.ToList())
            {
                if (View.Contains(id) && _repairs.TryGetValue(id, out var repair))
                    await repair.RunAsync(View, CancellationToken.None);
            }

            if (_cluster.Profile.Rounds && _random.Next(4) > 0)
                _cluster.Forgotten += await RunRoundAsync() ?? 0;
        }
    }

    private async Task HandOffAsync()
    {
        while (true)
        {
            await Task.Delay(TimeSpan.FromSeconds(0.2 + _random.NextDouble()), Clock);
            var handoff = new Handoff(Hints!, Transport, _ => View, _cluster.Options, Clock);
            foreach (var target in Hints!.Targets)
                await handoff.RunAsync(target, CancellationToken.None);
            await handoff.TellLostAsync();
        }
    }

    private void Open(Guid id)
    {
        var options = new EventualReplicaOptions(EventualCluster.Partition, id, $"/{id:N}", _cluster.Profile.Policy, _planned[id], SmallLog, SmallCommits) { Faults = _cluster.Profile.Faults };
        var replica = EventualReplica.Open(options, Disk, Timestamps, Schedule);
        _replicas[id] = replica;
        _repairs[id] = new PartitionRepair(replica, Transport, _cluster.Options, Clock);
    }

    private void Schedule(Action work) =>
        _cluster.World.Schedule(TimeSpan.FromMicroseconds(_random.Next(20) == 0 ? _random.Next(30_000) : _random.Next(400)), Process, work);

    private void Clear()
    {
        _replicas.Clear();
        _repairs.Clear();
        Hints = null;
    }

    private FaultyFileSystem NewDisk(FaultyFileSystem disk)
    {
        disk.Faults = _ => _cluster.AreThingsBreaking && _cluster.Profile.Crashes && _random.NextDouble() < 0.002 ? DiskFault.Crash : DiskFault.None;
        return disk;
    }
}
