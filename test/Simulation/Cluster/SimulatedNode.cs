using GrainDb.Engine.Ranges;
using GrainDb.Engine.Replication;
using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Time;
using GrainDb.Engine.Transactions;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Replicas;
using GrainDb.Simulation.Clocks;
using GrainDb.Simulation.Core;
using GrainDb.Simulation.Transactions;

namespace GrainDb.Simulation.Cluster;

/// <summary>
/// One machine: its disk, its clocks and, while it runs, the process with its replicas and leaders. What a node's host does
/// around the machines of the engine, it does here in a few lines.
/// </summary>
internal sealed class SimulatedNode
{
    /// <summary>Longest value.</summary>
    public const int MaxValueBytes = 4096;

    private static readonly TimeSpan LongestLoad = TimeSpan.FromSeconds(2);

    private readonly SimulatedCluster _cluster;
    private readonly Random _random;
    private readonly List<Planned> _manifest = [];
    private readonly Dictionary<Guid, ReplicaAcceptor> _replicas = [];
    private readonly List<RangeLeader> _leaders = [];

    /// <param name="cluster">Everything around it.</param>
    /// <param name="number">Its number, from one.</param>
    public SimulatedNode(SimulatedCluster cluster, int number)
    {
        _cluster = cluster;
        Name = $"node{number}";
        _random = cluster.World.NewRandom(Name);
        Clocks = new ClockFaults { Rate = 1 + (Profile.MaxDrift * ((2 * _random.NextDouble()) - 1)), WallOffset = cluster.Profile.WallOffsetOf(number - 1, _random) };
        Disk = NewDisk(new FaultyFileSystem());
    }

    /// <summary>A replica that this node was told to keep. The list survives everything.</summary>
    /// <param name="Range">Of which range.</param>
    /// <param name="Id">Its id.</param>
    /// <param name="Initial">Who voted when it was planned.</param>
    private sealed record Planned(SimulatedRange Range, Guid Id, RangeConfiguration Initial)
    {
        public string Directory => $"/{Id:N}";

        /// <summary>Its directory was created once; when it is not there, it is lost.</summary>
        public bool WasCreated { get; set; }

        /// <summary>It is gone for good; whoever asks is told so.</summary>
        public bool IsGone { get; set; }
    }

    public string Name { get; }

    public ClockFaults Clocks { get; }

    public FaultyFileSystem Disk { get; private set; }

    /// <summary>The running process, or the last one.</summary>
    public SimulatedProcess? Process { get; private set; }

    public bool IsUp => Process is { IsAlive: true };

    /// <summary>Bound of a disk that is slow; zero for one that is not.</summary>
    public TimeSpan SlowestDisk { get; set; }

    /// <summary>The next sync fails.</summary>
    public bool FailNextSync { get; set; }

    /// <summary>What it does about transactions while it runs; null where there are none.</summary>
    public NodeTransactions? Transactions { get; private set; }

    private NodeClock Clock { get; set; } = null!;

    private HybridLogicalClock Timestamps { get; set; } = null!;

    /// <summary>Open replicas of a range.</summary>
    public IEnumerable<ReplicaAcceptor> ReplicasOf(SimulatedRange range) => _replicas.Values.Where(replica => replica.Replica.Range == range.Descriptor.Id);

    /// <summary>Leaders of a range that are not over, starting ones included, oldest first.</summary>
    public IReadOnlyList<RangeLeader> LeadersOf(SimulatedRange range) => _leaders.FindAll(leader => leader.Range == range.Descriptor.Id);

    /// <summary>The replica that may lead a range here.</summary>
    public ReplicaAcceptor? NewestOf(SimulatedRange range) =>
        _manifest.FindLast(planned => !planned.IsGone && planned.Range == range) is { } newest ? Find(newest.Id) : null;

    /// <summary>The replica is to exist from now on.</summary>
    public void Plan(SimulatedRange range, Guid id, RangeConfiguration initial)
    {
        var planned = new Planned(range, id, initial);
        _manifest.Add(planned);
        if (IsUp)
            Process!.Run(() => Open(planned));
    }

    /// <summary>The replica was removed from its range: it deletes itself and will always say so.</summary>
    public void Remove(Guid id)
    {
        if (_manifest.Find(planned => planned.Id == id) is not { IsGone: false } removed)
            return;
        removed.IsGone = true;
        Trace($"replica {id.ToString("N")[^4..]} is removed");
        if (_replicas.Remove(id, out var replica))
            Process!.Run(replica.Dispose);
    }

    public bool Holds(Guid id) => _manifest.Exists(planned => planned.Id == id && !planned.IsGone);

    public ReplicaAcceptor? Find(Guid id) => _replicas.GetValueOrDefault(id);

    public void Start()
    {
        Clear();
        var process = Process = new SimulatedProcess(_cluster.World, Name, _cluster.World.NewRandom($"{Name} at {_cluster.World.Now}"))
        {
            Died = Clear,
            HasStopped = () => Disk.Crashed,
        };
        Clock = new NodeClock(process, Clocks, _random);
        Timestamps = new HybridLogicalClock(Clock, Profile.MaxClockOffset);
        _cluster.Network.Attach(process);
        process.Run(() => _manifest.ForEach(Open));
        if (_cluster.Profile.HasTransactions)
            process.Run(() => Transactions = new NodeTransactions(_cluster, this, process, Clock, Timestamps));
    }

    /// <summary>The process ends at once.</summary>
    /// <param name="disk">What the next one finds.</param>
    public void Crash(Func<FaultyFileSystem, FaultyFileSystem> disk)
    {
        Process?.Die();
        Disk = NewDisk(disk(Disk));
    }

    /// <summary>Everything on the disk is gone.</summary>
    public void Wipe() => Crash(_ => new FaultyFileSystem());

    /// <summary>Carries a call out at a replica. One that is gone is unknown; one that cannot be opened or is broken gives no answer.</summary>
    public async ValueTask<TAnswer> Serve<TAnswer>(Guid id, Func<ReplicaAcceptor, TAnswer> call, Func<TAnswer> unknown)
    {
        if (_manifest.Find(planned => planned.Id == id) is not { IsGone: false })
            return unknown();
        if (Find(id) is not { } replica)
            return await Never<TAnswer>();
        try
        {
            return call(replica);
        }
        catch (Exception exception) when (exception is WalBrokenException or IOException)
        {
            return await Never<TAnswer>();
        }
    }

    /// <summary>A follower answers, and applies later.</summary>
    public AppendAnswer Append(ReplicaAcceptor replica, AppendRequest request)
    {
        var answer = replica.Append(request);
        if (replica.HasUnapplied)
            _cluster.World.Schedule(DiskTime(), Process, () => Guarded(replica.ApplyCommitted));
        return answer;
    }

    /// <summary>Another activation of the range's grain: it stands for leadership and leads until something ends it.</summary>
    public async Task LeadAsync(SimulatedRange range)
    {
        if (NewestOf(range) is not { } replica)
            return;
        var process = Process!;
        var leader = new RangeLeader(replica, new NodeTransport(_cluster, process, _random), new RangeLeaderOptions(
            range.Descriptor,
            range.Partitioning,
            Name,
            "local",
            MaxValueBytes,
            _cluster.NewId(),
            work => _cluster.World.Schedule(DiskTime(), process, work),
            Clock,
            (ITransactionRecovery?)Transactions ?? NoTransactionRecovery.Instance));
        _leaders.Add(leader);
        await using var ticks = Clock.CreateTimer(_ => leader.Tick(), null, TickInterval, TickInterval);
        Trace($"stands as {leader.Candidate.Nonce.ToString("N")[^4..]}");
        try
        {
            var failure = await leader.StartAsync();
            Trace(failure is null ? $"leads epoch {leader.Epoch}" : $"does not lead: {failure.Detail}");
            if (failure is null)
                range.Checks.OnLeading(leader);
            else if (failure.Code == ErrorCode.Corruption && replica.Replica.BrokenReason is null)
                _cluster.World.Fail($"{Name} cannot lead, though its files are sound: {failure.Detail}");
            await leader.Ended;
        }
        catch (ObjectDisposedException)
        {
            // Its replica was closed under it.
        }

        Trace($"led epoch {leader.Epoch} as {leader.Candidate.Nonce.ToString("N")[^4..]} no more");
        _leaders.Remove(leader);
    }

    /// <summary>Asks every leader of a range here to stop.</summary>
    public async Task StopLeadingAsync(SimulatedRange range)
    {
        foreach (var leader in LeadersOf(range))
            await leader.DisposeAsync();
    }

    /// <summary>Mends what is broken, as a host does now and then: a log that failed is opened again, and given up to be filled by the others only where that finds damage.</summary>
    public void Maintain(SimulatedRange range)
    {
        foreach (var planned in _manifest.Where(planned => !planned.IsGone && planned.Range == range))
        {
            if (Find(planned.Id) is { Replica.BrokenReason: not null } broken)
            {
                Trace($"replica {planned.Id.ToString("N")[^4..]} is broken: {broken.Replica.BrokenReason}");
                Close(planned.Id);
                Open(planned);
            }
            else if (Find(planned.Id) is null)
            {
                Open(planned);
            }
        }
    }

    /// <summary>Writes a checkpoint of every replica.</summary>
    public void Checkpoint()
    {
        foreach (var replica in _replicas.Values.ToList())
        {
            try
            {
                replica.Replica.Checkpoint(CancellationToken.None);
            }
            catch (Exception exception) when (exception is IOException or WalBrokenException)
            {
                Trace($"no checkpoint: {exception.Message}");
            }
        }
    }

    private TimeSpan TickInterval => _cluster.Profile.Replication.HeartbeatInterval / 4;

    private void Trace(string line)
    {
        if (_cluster.World.Trace.IsOn)
            _cluster.World.Trace.Write(_cluster.World, Process, line);
    }

    private TimeSpan DiskTime() => SlowestDisk > TimeSpan.Zero ? SlowestDisk * _random.NextDouble() : TimeSpan.FromMicroseconds(_random.Next(20) == 0 ? _random.Next(30_000) : _random.Next(400));

    /// <summary>Work that nobody waits for, at a replica that may have been closed or broken since.</summary>
    private static void Guarded(Action work)
    {
        try
        {
            work();
        }
        catch (Exception exception) when (exception is ObjectDisposedException or IOException or WalBrokenException)
        {
            // Found broken by the next round of maintenance, where it is.
        }
    }

    /// <summary>The call fails on the way back; the caller's patience decides.</summary>
    private static Task<TAnswer> Never<TAnswer>() => new TaskCompletionSource<TAnswer>().Task;

    private void Clear()
    {
        _replicas.Clear();
        _leaders.Clear();
        Transactions = null;
    }

    private void Close(Guid id)
    {
        if (!_replicas.Remove(id, out var replica))
            return;
        try
        {
            replica.Dispose();
        }
        catch (Exception exception) when (exception is IOException or WalBrokenException)
        {
            Trace($"closing: {exception.Message}");
        }
    }

    private void Open(Planned planned)
    {
        if (planned.IsGone)
            return;
        try
        {
            if (!Disk.DirectoryExists(planned.Directory))
            {
                if (planned.WasCreated)
                {
                    Trace($"replica {planned.Id.ToString("N")[^4..]} is lost");
                    planned.IsGone = true;
                    return;
                }

                DurableDirectory.Create(Disk, planned.Directory);
                planned.WasCreated = true;
            }

            var replica = RangeReplica.OpenUnloaded(Options(planned), Disk, Timestamps);
            var acceptor = _replicas[planned.Id] = new ReplicaAcceptor(replica, _cluster.Profile.Replication, Clock, new LeaseMemory(Clock, Clock.GetTimestamp()));
            if (!replica.IsLoaded)
                _cluster.World.Schedule(LongestLoad * _random.NextDouble(), Process, () => Guarded(acceptor.Load));
        }
        catch (WalCorruptionException exception)
        {
            Trace($"replica {planned.Id.ToString("N")[^4..]} is damaged: {exception.Message}");
            Rebuild(planned);
        }
        catch (Exception exception) when (exception is IOException or WalBrokenException)
        {
            Trace($"replica {planned.Id.ToString("N")[^4..]} does not open: {exception.Message}");
        }
    }

    /// <summary>Its log cannot be trusted: it gives up its vote, durably, then its log, and begins empty; without its promise it is lost.</summary>
    private void Rebuild(Planned planned)
    {
        try
        {
            if (!ReplicaFiles.TryDiscardDamaged(Options(planned), Disk))
            {
                Trace($"replica {planned.Id.ToString("N")[^4..]} is damaged for good");
                planned.IsGone = true;
                return;
            }

            _replicas[planned.Id] = new ReplicaAcceptor(RangeReplica.Open(Options(planned), Disk, Timestamps), _cluster.Profile.Replication, Clock, new LeaseMemory(Clock, Clock.GetTimestamp()));
        }
        catch (Exception exception) when (exception is IOException or WalBrokenException)
        {
            Trace($"rebuilding: {exception.Message}");
        }
    }

    private RangeReplicaOptions Options(Planned planned) => new(
        planned.Range.Descriptor.Id,
        planned.Id,
        planned.Directory,
        WalOptions.Default with { FirstSegmentBytes = 2048, MaxSegmentBytes = 8192, MinCheckpointBytes = 16 << 10, ReservedFreeBytes = 0 },
        new GroupCommitOptions(MaxPendingBytes: 1 << 20, MaxPendingRecords: 64),
        planned.Initial);

    private FaultyFileSystem NewDisk(FaultyFileSystem disk)
    {
        disk.Faults = FaultOf;
        return disk;
    }

    private DiskFault FaultOf(DiskOperation operation)
    {
        if (FailNextSync && operation.Kind == DiskOperationKind.SyncFile)
        {
            FailNextSync = false;
            return DiskFault.InputOutput;
        }

        return _cluster.AreThingsBreaking && _random.NextDouble() < _cluster.Profile.CrashPerFileOperation ? DiskFault.Crash : DiskFault.None;
    }
}
