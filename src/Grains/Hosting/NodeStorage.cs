using GrainDb.Engine.Eventual;
using GrainDb.Engine.Ranges;
using GrainDb.Engine.Time;
using GrainDb.Engine.Wal;
using GrainDb.Grains.Meta;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
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
    private readonly Lock _manifestLock = new();
    private readonly NodeOptions _node;
    private readonly StorageOptions _options;
    private readonly ILogger<NodeStorage> _logger;
    private readonly string _rangesDirectory;
    private DirectoryLock? _lock;
    private NodeIdentity? _identity;
    private ReplicaManifest? _manifest;
    private volatile MetaPlace? _metaPlace;

    public NodeStorage(
        NodeOptions node,
        StorageOptions options,
        IWalFileSystem files,
        HybridLogicalClock clock,
        ILogger<NodeStorage> logger)
    {
        _node = node;
        _options = options;
        Files = files;
        Clock = clock;
        _logger = logger;
        _rangesDirectory = Path.Combine(node.DataDirectory, "ranges");
    }

    public IWalFileSystem Files { get; }

    public HybridLogicalClock Clock { get; }

    public NodeIdentity Identity => _identity ?? throw new InvalidOperationException("the data directory is not open");

    /// <summary>Where this node last knew the meta range to be; durable.</summary>
    public RangeDescriptor MetaRange => MetaPlace.MetaRange;

    /// <summary>The same, and since which version of it.</summary>
    public MetaPlace MetaPlace => _metaPlace ?? new MetaPlace(MetaRangeFile.Unformed(_node.BootstrapNodes), AsOf: 0);

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

    /// <summary>
    /// Keeps where the meta range is, when that is newer than what is known. Versions of two databases say nothing about each other: a node that is in one heeds no other, nor who is in none. What cannot be
    /// saved is not kept; whoever finds it next says it again.
    /// </summary>
    /// <param name="metaRange">Its descriptor.</param>
    /// <param name="asOf">Version of the meta range in which it was found; zero where it was not found there.</param>
    /// <param name="database">The database of whoever says so; null where it is in none.</param>
    public void RememberMetaRange(RangeDescriptor metaRange, Timestamp asOf, Guid? database)
    {
        var found = new MetaPlace(metaRange, asOf.Value);
        lock (_manifestLock)
        {
            if ((Identity.DatabaseId is { } own && database != own) || !MetaRangeFile.IsNews(found, MetaPlace))
                return;
            try
            {
                MetaRangeFile.Save(Files, _node.DataDirectory, found);
                _metaPlace = found;
            }
            catch (IOException exception)
            {
                NodeStorageLog.NotRemembered(_logger, exception);
            }
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

    /// <summary>From now on this id never comes back. Durable before anything of the replica is deleted.</summary>
    /// <returns>Whether it is the replica that the node has, whose files are to be deleted then.</returns>
    public bool BuryReplica(RangeId range, Guid replica)
    {
        lock (_manifestLock)
        {
            Manifest.Bury(range, replica);
            return Manifest.Find(range)?.Id == replica;
        }
    }

    /// <summary>Deletes the files of a replica that was buried and is not in use.</summary>
    public void DeleteReplica(RangeId range, Guid replica)
    {
        DeleteFiles(DirectoryOf(range));
        lock (_manifestLock)
            Manifest.Unlist(range, replica);
        NodeStorageLog.Removed(_logger, range);
    }

    /// <summary>The range is gone for good: nothing of it stays. Not in use.</summary>
    public void ForgetRange(RangeId range)
    {
        DeleteFiles(DirectoryOf(range));
        lock (_manifestLock)
            Manifest.Forget(range);
        NodeStorageLog.Removed(_logger, range);
    }

    /// <summary>Replicas in the manifest, by range.</summary>
    public IReadOnlyDictionary<long, ReplicaManifest.Entry> Replicas
    {
        get
        {
            lock (_manifestLock)
                return Manifest.Replicas;
        }
    }

    /// <summary>Opens a listed replica, without loading its state. The mark that it is in use comes after its log exists and before anything is in it.</summary>
    /// <exception cref="WalCorruptionException">A file is damaged or missing.</exception>
    /// <exception cref="IOException">It cannot be opened now.</exception>
    public RangeReplica OpenReplica(RangeId range) =>
        Open(range, isEventual: false, entry => RangeReplica.OpenUnloaded(OptionsOf(range, entry), Files, Clock), replica => replica.Recovery);

    /// <summary>Opens a listed replica of an eventual partition, with its state. The mark comes before anybody hears of it.</summary>
    /// <exception cref="WalCorruptionException">A file is damaged or missing: another replica has to take its place.</exception>
    /// <exception cref="IOException">It cannot be opened now.</exception>
    public EventualReplica OpenEventualReplica(RangeId range, Action<Action> schedule) =>
        Open(range, isEventual: true, entry => EventualReplica.Open(EventualOptionsOf(range, entry), Files, Clock, schedule), replica => replica.Recovery);

    /// <summary>
    /// Puts a log aside that was just found damaged, so that the replica can be filled again by its peers; without a vote until then. What is put aside stays until a leader,
    /// confirmed by a quorum without this replica, has given it its vote back.
    /// </summary>
    /// <returns>False: what it promised is lost too, so it may never vote under this id again.</returns>
    public bool TryDiscardDamaged(RangeId range)
    {
        var directory = DirectoryOf(range);
        if (FindReplica(range) is not { } entry || !HasFiles(directory) || !ReplicaFiles.TryDiscardDamaged(OptionsOf(range, entry), Files))
            return false;
        NodeStorageLog.Rebuilding(_logger, range);
        return true;
    }

    /// <summary>The epoch that a listed replica of a strong range has promised; zero where it promised none, or that cannot be told any more.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public Epoch FindPromisedEpoch(RangeId range) => FindReplica(range) is { IsEventual: false, IsOpened: true } entry && HasFiles(DirectoryOf(range))
        ? ReplicaFiles.ReadPromisedEpoch(OptionsOf(range, entry), Files)
        : Epoch.Zero;

    private Task StartAsync(CancellationToken cancellationToken)
    {
        if (_node.BootstrapNodes.Count is var count && (count % 2 == 0 || count > NodeOptions.MaxBootstrapNodes))
            throw new NodeStartException($"node {_node.Name}: {count} bootstrap nodes: must be an odd number, at most {NodeOptions.MaxBootstrapNodes}");
        try
        {
            _lock = DirectoryLock.Acquire(Files, _node.DataDirectory);
            _identity = NodeIdentity.LoadOrCreate(Files, _node.DataDirectory, _node.Name);
            _manifest = ReplicaManifest.Load(Files, _node.DataDirectory);
            _metaPlace = MetaRangeFile.Load(Files, _node.DataDirectory);
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

    private Task StopAsync(CancellationToken cancellationToken)
    {
        _lock?.Dispose();
        return Task.CompletedTask;
    }

    /// <summary>The meta range has nobody to create it: see <see cref="MetaFormation"/>.</summary>
    private void CreateMetaReplica()
    {
        if (Identity.DatabaseId is null && _node.BootstrapNodes.Contains(_node.Name) && !Manifest.KnownRanges().Contains(RangeId.Meta))
            CreateReplicas(new ReplicaCreation(Identity.Incarnation, [new PlannedReplica(RangeId.Meta, Guid.NewGuid(), RangeConfiguration.Unknown)]));
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

    private T Open<T>(RangeId range, bool isEventual, Func<ReplicaManifest.Entry, T> open, Func<T, WalRecovery> recoveryOf)
        where T : IDisposable
    {
        var directory = DirectoryOf(range);
        var entry = FindReplica(range) ?? throw new IOException($"this node has no replica of range {range}");
        if (entry.IsEventual != isEventual)
            throw new InvalidOperationException($"the replica of range {range} is of the other family");
        if (entry.IsOpened && !HasFiles(directory))
            throw new WalCorruptionException(directory, 0, "the manifest lists this replica, and its files are gone");
        if (!entry.IsOpened)
            MakeEmpty(directory);
        var replica = open(entry);
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

        if (recoveryOf(replica).TornBytes > 0)
            NodeStorageLog.TornTail(_logger, range, recoveryOf(replica).TornBytes);
        return replica;
    }

    /// <summary>Nobody wrote anything before the first replicas of a partition; one that comes later has to ask.</summary>
    private EventualReplicaOptions EventualOptionsOf(RangeId range, ReplicaManifest.Entry entry) => new(
        range,
        entry.Id,
        DirectoryOf(range),
        entry.Conflict!.Value,
        entry.Initial == RangeConfiguration.Unknown ? ReplicaStanding.Later : ReplicaStanding.First,
        _options.Wal,
        _options.GroupCommit);

    private RangeReplicaOptions OptionsOf(RangeId range, ReplicaManifest.Entry entry) =>
        new(range, entry.Id, DirectoryOf(range), _options.Wal, _options.GroupCommit, entry.Initial);

    private bool HasFiles(string directory) => Files.DirectoryExists(directory) && Files.ListFiles(directory).Count > 0;

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

    private string DirectoryOf(RangeId range) => Path.Combine(_rangesDirectory, range.ToString());
}
