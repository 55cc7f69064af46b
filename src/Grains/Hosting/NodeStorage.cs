using System.Collections.Concurrent;
using GrainDb.Engine.Ranges;
using GrainDb.Engine.Time;
using GrainDb.Engine.Wal;
using GrainDb.Grains.Ranges;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Hosting;

/// <summary>
/// The node's data directory: its lock, its identity, its manifest and its replicas. Opens before the silo joins the cluster and
/// closes after all grains are gone; a directory that cannot be used fails the start.
/// </summary>
internal sealed class NodeStorage : ILifecycleParticipant<ISiloLifecycle>
{
    private readonly ConcurrentDictionary<RangeId, ReplicaSlot> _slots = new();
    private readonly Lock _manifestLock = new();
    private readonly NodeOptions _node;
    private readonly StorageOptions _options;
    private readonly LocalRanges _local;
    private readonly TimeProvider _time;
    private readonly ILogger<NodeStorage> _logger;
    private readonly string _rangesDirectory;
    private DirectoryLock? _lock;
    private NodeIdentity? _identity;
    private ReplicaManifest? _manifest;

    public NodeStorage(
        NodeOptions node,
        StorageOptions options,
        IWalFileSystem files,
        LocalRanges local,
        HybridLogicalClock clock,
        TimeProvider time,
        ILogger<NodeStorage> logger)
    {
        _node = node;
        _options = options;
        Files = files;
        _local = local;
        Clock = clock;
        _time = time;
        _logger = logger;
        _rangesDirectory = Path.Combine(node.DataDirectory, "ranges");
    }

    public IWalFileSystem Files { get; }

    public HybridLogicalClock Clock { get; }

    public NodeIdentity Identity => _identity ?? throw new InvalidOperationException("the data directory is not open");

    /// <summary>Replicas in memory.</summary>
    public IEnumerable<(RangeId Range, ReplicaSlot Slot)> Open =>
        _slots.Where(slot => slot.Value.Replica is not null).Select(slot => (slot.Key, slot.Value));

    private ReplicaManifest Manifest => _manifest ?? throw new InvalidOperationException("the data directory is not open");

    public void Participate(ISiloLifecycle observer) =>
        observer.Subscribe(nameof(NodeStorage), ServiceLifecycleStage.RuntimeInitialize - 1, StartAsync, StopAsync);

    /// <summary>Ties the data directory to a database for good.</summary>
    public void JoinDatabase(Guid databaseId)
    {
        _identity = Identity with { DatabaseId = databaseId };
        _identity.Save(Files, _node.DataDirectory);
    }

    /// <summary>Lists and creates empty replicas.</summary>
    public void CreateReplicas(IReadOnlyList<RangeId> ranges)
    {
        lock (_manifestLock)
        {
            Manifest.Add(ranges);
            foreach (var range in ranges)
            {
                if (!Files.DirectoryExists(DirectoryOf(range)))
                    Files.CreateDirectory(DirectoryOf(range));
            }

            Files.SyncDirectory(_rangesDirectory);
        }
    }

    /// <summary>Replicas in the manifest.</summary>
    public IReadOnlyList<RangeId> ListReplicas()
    {
        lock (_manifestLock)
            return [.. Manifest.Ranges];
    }

    /// <summary>Ends leadership of the range, and deletes its replica with its files.</summary>
    public async Task RemoveReplicaAsync(RangeId range)
    {
        var slot = SlotOf(range);
        await slot.Turn.WaitAsync();
        try
        {
            await CloseAsync(slot, checkpoint: false);
            DeleteFiles(DirectoryOf(range));
            lock (_manifestLock)
                Manifest.Remove([range]);
            _slots.TryRemove(range, out _);
            NodeStorageLog.Removed(_logger, range);
        }
        finally
        {
            slot.Turn.Release();
        }
    }

    /// <summary>
    /// Opens the replica where it is idle, ends the leadership of any other activation on this node, and leads with a higher
    /// epoch. The leader is registered for callers on this node.
    /// </summary>
    public async Task<(RangeLeader? Leader, Failure? Failure)> LeadAsync(RangeDescriptor descriptor, KeyspacePartitioning partitioning, IGrainContext activation)
    {
        var range = descriptor.Id;
        var slot = SlotOf(range);
        await slot.Turn.WaitAsync();
        try
        {
            await EndLeadershipAsync(slot);
            if (slot.Broken is null && slot.Replica is null)
                await Task.Run(() => OpenReplica(slot, range));
            if (slot.Replica is not { } replica)
                return (null, slot.Broken);
            var leader = new RangeLeader(replica, new RangeLeaderOptions(
                descriptor,
                partitioning,
                _node.Name,
                _node.Region,
                _node.MaxValueBytes,
                Guid.NewGuid(),
                static work => ThreadPool.UnsafeQueueUserWorkItem(static run => run(), work, preferLocal: false),
                _time));
            if (await leader.StartAsync() is { } failure)
                return (null, failure);
            slot.Leader = leader;
            slot.Activation = activation;
            _local.Add(leader);
            NodeStorageLog.Leading(_logger, range, leader.Epoch.Value, replica.AppliedLsn.Value);
            return (leader, null);
        }
        finally
        {
            slot.Turn.Release();
        }
    }

    /// <summary>Ends this leader's leadership, writes a checkpoint where there is something new, and lets the memory go.</summary>
    public async Task ReleaseAsync(RangeLeader leader)
    {
        var slot = SlotOf(leader.Range);
        await slot.Turn.WaitAsync();
        try
        {
            if (slot.Leader == leader)
                await CloseAsync(slot, checkpoint: true);
        }
        finally
        {
            slot.Turn.Release();
        }
    }

    /// <summary>What the node holds, without loading anything.</summary>
    public NodeReport Report() => new(Identity.Incarnation.ToString(), [.. ListReplicas().Select(ReportOf)]);

    /// <summary>Writes a checkpoint of an open replica.</summary>
    public async Task<Lsn?> CheckpointAsync(RangeId range, RangeReplica replica)
    {
        try
        {
            return await Task.Run(replica.Checkpoint);
        }
        catch (Exception exception) when (exception is IOException or WalBrokenException)
        {
            NodeStorageLog.CheckpointFailed(_logger, exception, range);
            return null;
        }
    }

    private Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            _lock = DirectoryLock.Acquire(Files, _node.DataDirectory);
            _identity = NodeIdentity.LoadOrCreate(Files, _node.DataDirectory, _node.Name);
            _manifest = ReplicaManifest.Load(Files, _node.DataDirectory);
            if (!Files.DirectoryExists(_rangesDirectory))
            {
                Files.CreateDirectory(_rangesDirectory);
                Files.SyncDirectory(_node.DataDirectory);
            }

            // The first meta range has nobody to create it. Only a directory that never belonged to a database may.
            if (_node.BootstrapNodes[0] == _node.Name && _identity.DatabaseId is null)
                CreateReplicas([RangeId.Meta]);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or WalCorruptionException)
        {
            _lock?.Dispose();
            throw new NodeStartException($"node {_node.Name}: {exception.Message}");
        }

        NodeStorageLog.Opened(_logger, _node.DataDirectory, _node.Name, Identity.Incarnation, ListReplicas().Count);
        return Task.CompletedTask;
    }

    private async Task StopAsync(CancellationToken cancellationToken)
    {
        foreach (var (_, slot) in Open.ToList())
        {
            await slot.Turn.WaitAsync(CancellationToken.None);
            try
            {
                await CloseAsync(slot, checkpoint: !cancellationToken.IsCancellationRequested);
            }
            finally
            {
                slot.Turn.Release();
            }
        }

        _lock?.Dispose();
    }

    /// <summary>The manifest still lists the replica: after a crash in between, its removal begins again.</summary>
    private void DeleteFiles(string directory)
    {
        if (!Files.DirectoryExists(directory))
            return;
        foreach (var file in Files.ListFiles(directory))
            Files.Delete(Path.Combine(directory, file));
        Files.DeleteDirectory(directory);
        Files.SyncDirectory(_rangesDirectory);
    }

    private void OpenReplica(ReplicaSlot slot, RangeId range)
    {
        try
        {
            Guid incarnation;
            lock (_manifestLock)
            {
                var entry = Manifest.Find(range) ?? throw new WalCorruptionException(_node.DataDirectory, 0, $"this node has no replica of range {range}");
                if (entry.IsOpened && !(Files.DirectoryExists(DirectoryOf(range)) && Files.ListFiles(DirectoryOf(range)).Count > 0))
                    throw new WalCorruptionException(DirectoryOf(range), 0, "the manifest lists this replica, and its files are gone");
                if (!entry.IsOpened)
                    Manifest.MarkOpened(range);
                incarnation = entry.Incarnation;
            }

            var options = new RangeReplicaOptions(range, incarnation, DirectoryOf(range), _options.Wal, _options.GroupCommit);
            slot.Replica = RangeReplica.Open(options, Files, Clock);
            if (slot.Replica.Recovery.TornBytes > 0)
                NodeStorageLog.TornTail(_logger, range, slot.Replica.Recovery.TornBytes);
        }
        catch (Exception exception) when (exception is WalCorruptionException or IOException or InvalidDataException or WalBrokenException)
        {
            slot.Broken = Failure.NotApplied(ErrorCode.Corruption, $"range {range} is broken on node {_node.Name}: {exception.Message}");
            NodeStorageLog.Broken(_logger, range, exception.Message);
        }
    }

    private async Task EndLeadershipAsync(ReplicaSlot slot)
    {
        if (slot.Leader is not { } leader)
            return;
        _local.Remove(leader);
        await leader.DisposeAsync();
        slot.Leader = null;
        slot.Activation = null;
    }

    private async Task CloseAsync(ReplicaSlot slot, bool checkpoint)
    {
        await EndLeadershipAsync(slot);
        if (slot.Replica is not { } replica)
            return;
        if (checkpoint && replica.HasNewRecords)
            await CheckpointAsync(replica.Range, replica);
        replica.Dispose();
        slot.Replica = null;
    }

    private ReplicaReport ReportOf(RangeId range)
    {
        var slot = SlotOf(range);
        if (slot.Broken is { } broken)
            return new ReplicaReport { Range = range, State = ReplicaState.Broken, Detail = broken.Detail };
        if (slot.Replica is not { } replica)
            return new ReplicaReport { Range = range, State = ReplicaState.Idle };
        var figures = replica.GetFigures();
        var leader = slot.Leader;
        return new ReplicaReport
        {
            Range = range,
            State = figures.Status switch
            {
                WalStatus.Broken => ReplicaState.Broken,
                WalStatus.DiskFull => ReplicaState.ReadOnly,
                _ => ReplicaState.Member,
            },
            Role = leader is null ? ReplicaRole.Follower : ReplicaRole.Leader,
            Epoch = leader?.Epoch ?? replica.Promise.PromisedEpoch,
            Lsn = figures.LastLsn,
            Detail = figures.StatusDetail,
            Keys = figures.Keys,
            Bytes = figures.PayloadBytes,
            Rate = leader?.RequestsPerSecond ?? 0,
            GcThreshold = figures.GcThreshold,
        };
    }

    private ReplicaSlot SlotOf(RangeId range) => _slots.GetOrAdd(range, _ => new ReplicaSlot());

    private string DirectoryOf(RangeId range) => Path.Combine(_rangesDirectory, range.ToString());
}
