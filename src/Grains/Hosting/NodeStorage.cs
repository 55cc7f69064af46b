using System.Collections.Concurrent;
using GrainDb.Engine.Ranges;
using GrainDb.Engine.Time;
using GrainDb.Engine.Wal;
using GrainDb.Grains.Meta;
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
    private volatile RangeDescriptor? _metaRange;

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

    /// <summary>Where this node last knew the meta range to be; durable.</summary>
    public RangeDescriptor MetaRange => _metaRange ?? MetaRangeFile.Unformed(_node.BootstrapNodes);

    /// <summary>Replicas in memory.</summary>
    public IEnumerable<(RangeId Range, ReplicaSlot Slot)> Open =>
        _slots.Where(slot => slot.Value.Replica is not null).Select(slot => (slot.Key, slot.Value));

    private ReplicaManifest Manifest => _manifest ?? throw new InvalidOperationException("the data directory is not open");

    public void Participate(ISiloLifecycle observer) =>
        observer.Subscribe(nameof(NodeStorage), ServiceLifecycleStage.RuntimeInitialize - 1, StartAsync, StopAsync);

    /// <summary>Ties the data directory to a database for good.</summary>
    public void JoinDatabase(Guid databaseId)
    {
        var joined = Identity with { DatabaseId = databaseId };
        joined.Save(Files, _node.DataDirectory);
        _identity = joined;
    }

    /// <summary>Keeps what is newer than what is known.</summary>
    public void RememberMetaRange(RangeDescriptor metaRange)
    {
        lock (_manifestLock)
        {
            if (!MetaRangeFile.IsNewer(metaRange, MetaRange))
                return;
            MetaRangeFile.Save(Files, _node.DataDirectory, metaRange);
            _metaRange = metaRange;
        }
    }

    /// <summary>Lists and creates empty replicas, all or none.</summary>
    /// <returns>Why not; null when all are there.</returns>
    public Failure? CreateReplicas(ReplicaCreation creation)
    {
        if (creation.Incarnation != Identity.Incarnation)
        {
            return Failure.NotApplied(
                ErrorCode.Unavailable,
                $"the data directory of node {_node.Name} was replaced: it is {Identity.Incarnation}, the plan was made for {creation.Incarnation}");
        }

        lock (_manifestLock)
        {
            if (Manifest.Add(creation.Replicas) is { } refused)
                return refused;
            foreach (var directory in creation.Replicas.Select(replica => DirectoryOf(replica.Range)))
            {
                if (!Files.DirectoryExists(directory))
                    Files.CreateDirectory(directory);
            }

            Files.SyncDirectory(_rangesDirectory);
            return null;
        }
    }

    /// <summary>The replica of a range that the manifest lists.</summary>
    public ReplicaManifest.Entry? FindReplica(RangeId range)
    {
        lock (_manifestLock)
            return Manifest.Find(range);
    }

    /// <summary>Ranges of which this node has, or had, a replica.</summary>
    public IReadOnlyList<RangeId> KnownRanges()
    {
        lock (_manifestLock)
            return Manifest.KnownRanges();
    }

    /// <summary>Gives this node's replica of the meta range to the one around which the range is to be formed.</summary>
    public MetaReplicaOffer OfferMetaReplica(Guid former)
    {
        lock (_manifestLock)
        {
            if (Identity.DatabaseId is { } database)
                return new(null, $"node {_node.Name} belongs to database {database}");
            if (Manifest.Find(RangeId.Meta) is not { IsOpened: false } entry)
                return new(null, $"node {_node.Name} has no unused replica of the meta range");
            if (Manifest.MetaOfferedTo is { } other && other != former)
                return new(null, $"node {_node.Name} gave its replica of the meta range to {other}, not to {former}");
            Manifest.OfferMeta(former);
            return new(entry.Id, null);
        }
    }

    /// <summary>Last step of forming the meta range: from now on this node's replica may stand for leadership.</summary>
    public void FormMetaRange(Guid former, RangeConfiguration initial)
    {
        lock (_manifestLock)
            Manifest.SetInitial(RangeId.Meta, former, initial);
    }

    /// <summary>Ends leadership of the range on this node for good.</summary>
    public Task RetireAsync(RangeId range)
    {
        var slot = SlotOf(range);
        slot.IsRetired = true;
        return InTurnAsync(slot, () => EndLeadershipAsync(slot));
    }

    /// <summary>Ends what this replica does and deletes it; its id does not come back. Another replica of the range stays.</summary>
    public Task RemoveReplicaAsync(RangeId range, Guid replica)
    {
        lock (_manifestLock)
        {
            Manifest.Bury(range, replica);
            if (Manifest.Find(range)?.Id != replica)
                return Task.CompletedTask;
        }

        return RemoveAsync(range, () => Manifest.Unlist(range, replica));
    }

    /// <summary>The range is gone for good: nothing of it stays.</summary>
    public Task ForgetRangeAsync(RangeId range) => RemoveAsync(range, () => Manifest.Forget(range));

    /// <summary>
    /// Opens the replica where it is idle, ends the leadership of any other activation on this node, and leads with a higher
    /// epoch. The leader is registered for callers on this node.
    /// </summary>
    /// <returns>The leader, or why there is none.</returns>
    public async Task<(RangeLeader? Leader, Failure? Failure)> LeadAsync(RangeDescriptor descriptor, KeyspacePartitioning partitioning, IGrainContext activation)
    {
        var slot = SlotOf(descriptor.Id);
        RangeLeader? leader = null;
        Failure? failure = null;
        await InTurnAsync(slot, async () => (leader, failure) = await LeadInTurnAsync(slot, descriptor, partitioning, activation));
        return (leader, failure);
    }

    /// <summary>Ends this leader's leadership, writes a checkpoint where there is something new, and lets the memory go.</summary>
    /// <param name="leader">A leader that is not the replica's any more changes nothing.</param>
    /// <param name="cancellationToken">Time is up: close without a checkpoint.</param>
    public async Task ReleaseAsync(RangeLeader leader, CancellationToken cancellationToken)
    {
        var slot = SlotOf(leader.Range);
        if (slot.Leader != leader)
            return;
        await slot.Closing.CancelAsync();
        await InTurnAsync(slot, () => slot.Leader == leader ? CloseAsync(slot, checkpoint: true, cancellationToken) : Task.CompletedTask);
    }

    /// <summary>Writes a checkpoint of a replica that is in memory.</summary>
    /// <returns>The LSN that it names; null when it was not written.</returns>
    public async Task<Lsn?> CheckpointAsync(RangeId range)
    {
        var slot = SlotOf(range);
        Lsn? written = null;
        await InTurnAsync(slot, async () =>
        {
            if (slot.Replica is { } replica)
                written = await CheckpointAsync(replica, slot.Closing.Token);
        });
        return written;
    }

    /// <summary>What the node holds, without loading anything.</summary>
    public NodeReport Report()
    {
        IReadOnlyDictionary<long, ReplicaManifest.Entry> replicas;
        lock (_manifestLock)
            replicas = Manifest.Replicas;
        return new(Identity.Incarnation.ToString(), [.. replicas.Select(replica => ReportOf(new RangeId(replica.Key), replica.Value.Id))]);
    }

    private Task StartAsync(CancellationToken cancellationToken)
    {
        if (_node.BootstrapNodes.Count is var count && (count % 2 == 0 || count > NodeOptions.MaxBootstrapNodes))
            throw new NodeStartException($"node {_node.Name}: {count} bootstrap nodes: must be an odd number, at most {NodeOptions.MaxBootstrapNodes}");
        try
        {
            _lock = DirectoryLock.Acquire(Files, _node.DataDirectory);
            _identity = NodeIdentity.LoadOrCreate(Files, _node.DataDirectory, _node.Name);
            _manifest = ReplicaManifest.Load(Files, _node.DataDirectory);
            _metaRange = MetaRangeFile.Load(Files, _node.DataDirectory);
            if (!Files.DirectoryExists(_rangesDirectory))
            {
                Files.CreateDirectory(_rangesDirectory);
                Files.SyncDirectory(_node.DataDirectory);
            }

            foreach (var (range, replica) in _manifest.HalfRemoved)
            {
                DeleteFiles(DirectoryOf(range));
                _manifest.Unlist(range, replica);
            }

            CreateMetaReplica();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or WalCorruptionException)
        {
            _lock?.Dispose();
            throw new NodeStartException($"node {_node.Name}: {exception.Message}");
        }

        NodeStorageLog.Opened(_logger, _node.DataDirectory, _node.Name, Identity.Incarnation, _manifest.Replicas.Count);
        return Task.CompletedTask;
    }

    private async Task StopAsync(CancellationToken cancellationToken)
    {
        await Task.WhenAll(Open.ToList().Select(async open =>
        {
            await open.Slot.Closing.CancelAsync();
            await InTurnAsync(open.Slot, () => CloseAsync(open.Slot, checkpoint: true, cancellationToken));
        }));
        _lock?.Dispose();
    }

    /// <summary>The meta range has nobody to create it: see <see cref="MetaFormation"/>.</summary>
    private void CreateMetaReplica()
    {
        if (Identity.DatabaseId is null && _node.BootstrapNodes.Contains(_node.Name) && !Manifest.KnownRanges().Contains(RangeId.Meta))
            CreateReplicas(new ReplicaCreation(Identity.Incarnation, [new PlannedReplica(RangeId.Meta, Guid.NewGuid(), RangeConfiguration.Unknown)]));
    }

    private async Task RemoveAsync(RangeId range, Action unlist)
    {
        var slot = SlotOf(range);
        slot.IsRetired = true;
        await slot.Closing.CancelAsync();
        await InTurnAsync(slot, async () =>
        {
            await CloseAsync(slot, checkpoint: false, CancellationToken.None);
            DeleteFiles(DirectoryOf(range));
            lock (_manifestLock)
                unlist();
            _slots.TryRemove(range, out _);
        });
        NodeStorageLog.Removed(_logger, range);
    }

    private static async Task InTurnAsync(ReplicaSlot slot, Func<Task> work)
    {
        await slot.Turn.WaitAsync();
        try
        {
            await work();
        }
        finally
        {
            slot.Turn.Release();
        }
    }

    private async Task<(RangeLeader? Leader, Failure? Failure)> LeadInTurnAsync(
        ReplicaSlot slot,
        RangeDescriptor descriptor,
        KeyspacePartitioning partitioning,
        IGrainContext activation)
    {
        if (slot.IsRetired)
            return (null, Failure.NotApplied(ErrorCode.RangeMoved, $"range {descriptor.Id} is being deleted"));
        await EndLeadershipAsync(slot);
        if (WhyNoReplica(descriptor) is { } missing)
            return (null, Failure.NotApplied(ErrorCode.Unavailable, missing));
        if ((slot.Broken ?? await Task.Run(() => OpenReplica(slot, descriptor.Id))) is { } failure)
            return (null, failure);
        var replica = slot.Replica!;
        var leader = new RangeLeader(replica, new RangeLeaderOptions(
            descriptor,
            partitioning,
            _node.Name,
            _node.Region,
            _node.MaxValueBytes,
            Guid.NewGuid(),
            static work => ThreadPool.UnsafeQueueUserWorkItem(static run => run(), work, preferLocal: false),
            _time));
        if (await Task.Run(leader.StartAsync) is { } refused)
            return (null, refused);
        slot.Closing = new CancellationTokenSource();
        slot.Activation = activation;
        slot.Leader = leader;
        _local.Add(leader);
        NodeStorageLog.Leading(_logger, descriptor.Id, leader.Epoch.Value, replica.AppliedLsn.Value);
        return (leader, null);
    }

    /// <summary>
    /// Why this node has nothing to lead the range on, without opening anything. A replica that was never opened and does not know who
    /// votes could not stand anyway, and opening it would make it used.
    /// </summary>
    private string? WhyNoReplica(RangeDescriptor descriptor)
    {
        var wanted = descriptor.On(_node.Name)?.Id ?? Guid.Empty;
        return FindReplica(descriptor.Id) switch
        {
            null => $"node {_node.Name} has no replica of range {descriptor.Id}",
            var entry when wanted != Guid.Empty && entry.Id != wanted => $"node {_node.Name} has replica {entry.Id} of range {descriptor.Id}, not {wanted}",
            { IsOpened: false } entry when entry.Initial == RangeConfiguration.Unknown => $"the replica of range {descriptor.Id} on node {_node.Name} does not know who votes",
            _ => null,
        };
    }

    /// <summary>The manifest still lists the replica: after a crash in between, its removal begins again.</summary>
    private void DeleteFiles(string directory)
    {
        if (!Files.DirectoryExists(directory))
            return;
        Clear(directory);
        Files.DeleteDirectory(directory);
        Files.SyncDirectory(_rangesDirectory);
    }

    /// <returns>Why the replica could not be opened; damage stays, anything else may be gone at the next attempt.</returns>
    private Failure? OpenReplica(ReplicaSlot slot, RangeId range)
    {
        if (slot.Replica is not null)
            return null;
        try
        {
            slot.Replica = OpenListed(range);
            if (slot.Replica.Recovery.TornBytes > 0)
                NodeStorageLog.TornTail(_logger, range, slot.Replica.Recovery.TornBytes);
            return null;
        }
        catch (IOException exception)
        {
            NodeStorageLog.NotOpened(_logger, exception, range);
            return Failure.NotApplied(ErrorCode.Unavailable, $"range {range} cannot be opened on node {_node.Name}: {exception.Message}");
        }
        catch (Exception exception)
        {
            NodeStorageLog.Broken(_logger, range, exception.Message);
            return slot.Broken = BrokenFailure(range, exception.Message);
        }
    }

    /// <summary>The mark comes after the log exists and before anything is in it.</summary>
    private RangeReplica OpenListed(RangeId range)
    {
        var directory = DirectoryOf(range);
        var entry = FindReplica(range) ?? throw new IOException($"this node has no replica of range {range}");
        if (entry.IsOpened && !(Files.DirectoryExists(directory) && Files.ListFiles(directory).Count > 0))
            throw new WalCorruptionException(directory, 0, "the manifest lists this replica, and its files are gone");
        if (!entry.IsOpened)
            MakeEmpty(directory);
        var replica = RangeReplica.Open(
            new RangeReplicaOptions(range, entry.Id, directory, _options.Wal, _options.GroupCommit) { InitialConfiguration = entry.Initial }, Files, Clock);
        try
        {
            lock (_manifestLock)
                Manifest.MarkOpened(range, entry.Id);
        }
        catch
        {
            replica.Dispose();
            throw;
        }

        return replica;
    }

    /// <summary>A replica begins without the leftovers of a crash before the mark, perhaps of another replica: nobody ever heard of them.</summary>
    private void MakeEmpty(string directory)
    {
        if (Files.DirectoryExists(directory))
        {
            Clear(directory);
            return;
        }

        Files.CreateDirectory(directory);
        Files.SyncDirectory(_rangesDirectory);
    }

    private void Clear(string directory)
    {
        foreach (var file in Files.ListFiles(directory))
            Files.Delete(Path.Combine(directory, file));
    }

    private Failure BrokenFailure(RangeId range, string reason) =>
        Failure.NotApplied(ErrorCode.Corruption, $"range {range} is broken on node {_node.Name}: {reason}");

    private async Task EndLeadershipAsync(ReplicaSlot slot)
    {
        if (slot.Leader is not { } leader)
            return;
        _local.Remove(leader);
        await leader.DisposeAsync();
        slot.Leader = null;
        slot.Activation?.Deactivate(new DeactivationReason(DeactivationReasonCode.ApplicationRequested, "its leadership ended"));
        slot.Activation = null;
    }

    private async Task CloseAsync(ReplicaSlot slot, bool checkpoint, CancellationToken cancellationToken)
    {
        await EndLeadershipAsync(slot);
        if (slot.Replica is not { } replica)
            return;

        // A log that failed stays failed, also when its memory goes: what the disk said once is not asked again.
        if (replica.BrokenReason is { } reason)
            slot.Broken = BrokenFailure(replica.Range, reason);
        else if (checkpoint && replica.HasChanges)
            await CheckpointAsync(replica, cancellationToken);
        await Task.Run(replica.Dispose, CancellationToken.None);
        slot.Replica = null;
    }

    private async Task<Lsn?> CheckpointAsync(RangeReplica replica, CancellationToken cancellationToken)
    {
        try
        {
            return await Task.Run(() => replica.Checkpoint(cancellationToken), CancellationToken.None);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception exception) when (exception is IOException or WalBrokenException)
        {
            NodeStorageLog.CheckpointFailed(_logger, exception, replica.Range);
            return null;
        }
    }

    private ReplicaReport ReportOf(RangeId range, Guid id)
    {
        var slot = SlotOf(range);
        if (slot.Broken is { } broken)
            return new ReplicaReport { Range = range, Replica = id, State = ReplicaState.Broken, Detail = broken.Detail };
        if (slot.Replica is not { } replica)
            return new ReplicaReport { Range = range, Replica = id, State = ReplicaState.Idle };
        var figures = replica.GetFigures();
        var leader = slot.Leader;
        return new ReplicaReport
        {
            Range = range,
            Replica = id,
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
            Applied = replica.AppliedLsn,
        };
    }

    private ReplicaSlot SlotOf(RangeId range) => _slots.GetOrAdd(range, _ => new ReplicaSlot());

    private string DirectoryOf(RangeId range) => Path.Combine(_rangesDirectory, range.ToString());
}
