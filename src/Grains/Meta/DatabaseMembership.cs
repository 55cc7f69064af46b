using GrainDb.Grains.Hosting;
using GrainDb.Grains.Placement;
using GrainDb.Grains.Replicas;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Ring;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Meta;

/// <summary>
/// Brings this node into the database and keeps its view of the meta range fresh. In rounds: fetch the view (the first bootstrap
/// node forms the meta range and creates the database where there is none); refuse a database that is not the one of the data
/// directory; write the node's topology row; on one live node, finish half-made keyspaces and create the default one and those of the system
/// once all bootstrap nodes are there; delete replicas whose ranges no longer exist. Every round is idempotent.
/// </summary>
internal sealed class DatabaseMembership(
    NodeOptions node,
    NodeStorage storage,
    ReplicaHost host,
    MetaCache meta,
    MetaFormation formation,
    KeyspaceCatalog keyspaces,
    LiveNodes live,
    TimeProvider time,
    ILogger<DatabaseMembership> logger) : BackgroundLoop
{
    private static readonly TimeSpan RoundWhileJoining = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan RoundWhenJoined = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestRound = TimeSpan.FromSeconds(10);

    private readonly TaskCompletionSource _firstReady = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile string? _notReady = "the node is starting";

    /// <summary>Why the node cannot serve; null when it can.</summary>
    public string? NotReady => _notReady;

    /// <summary>Completes when the node is ready for the first time.</summary>
    public Task FirstReady => _firstReady.Task;

    protected override void OnStopping() => _notReady = "the node is stopping";

    protected override ILogger Logger => logger;

    protected override async Task RunAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            string? notReady;
            try
            {
                using var round = CancellationTokenSource.CreateLinkedTokenSource(stopping);
                round.CancelAfter(LongestRound);
                notReady = await RoundAsync(round.Token);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception)
            {
                notReady = exception is GrainDbException ? exception.Message : $"the meta range cannot be reached: {exception.Message}";
            }

            if (notReady != _notReady)
                DatabaseMembershipLog.Changed(logger, notReady ?? "ready");
            _notReady = notReady;
            if (notReady is null)
                _firstReady.TrySetResult();
            await Task.Delay(notReady is null ? RoundWhenJoined : RoundWhileJoining, time, stopping)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<string?> RoundAsync(CancellationToken cancellationToken)
    {
        var snapshot = await FetchOrCreateAsync(cancellationToken);
        if (storage.Identity.DatabaseId is not { } joined)
            storage.JoinDatabase(snapshot.Catalog.DatabaseId);
        else if (joined != snapshot.Catalog.DatabaseId)
            return $"the data directory belongs to database {joined}, the cluster is {snapshot.Catalog.DatabaseId}: this node takes no part";
        snapshot = await RegisterAsync(snapshot, cancellationToken);
        if (IsFinisher(snapshot))
            await FinishKeyspacesAsync(snapshot, cancellationToken);
        await RemoveOrphansAsync(snapshot);
        var missing = node.BootstrapNodes.Where(name => snapshot.FindNode(name) is null).ToList();
        if (meta.Current is { Catalog.IsFresh: false } current && current.FindKeyspace(SystemKeyspaces.Default) is not { State: KeyspaceState.Creating })
            return HasOnlyDefaults(current) ? WhyUnfinished(current) : null;
        return missing.Count > 0
            ? $"the database is created when all its bootstrap nodes are there; missing: {string.Join(", ", missing)}"
            : "the default keyspace is being created";
    }

    /// <summary>
    /// Still at its first start. A database in use serves what it can while a keyspace of the system, which it had not before, is being created.
    /// </summary>
    private static bool HasOnlyDefaults(MetaSnapshot snapshot) =>
        snapshot.KeyspaceRows.All(row => row.Keyspace.IsSystem || row.Keyspace.Name is SystemKeyspaces.Default or SystemKeyspaces.Cache);

    private static string? WhyUnfinished(MetaSnapshot snapshot) =>
        SystemKeyspaces.Later.FirstOrDefault(keyspace => snapshot.FindActive(keyspace.Name) is null) is { } later ? $"keyspace {later.Name} is being created"
        : !snapshot.Catalog.HadCache ? $"the keyspace '{SystemKeyspaces.Cache}' is being created"
        : null;

    private async Task<MetaSnapshot> FetchOrCreateAsync(CancellationToken cancellationToken)
    {
        var notFormed = await formation.FormAsync(cancellationToken);
        try
        {
            return await meta.RefreshAsync(cancellationToken);
        }
        catch (GrainDbException) when (formation.MayCreateDatabase)
        {
            // The condition of the write decides whether there is a database; being wrong here costs one refused write.
            var keyspace = SystemKeyspaces.MetaKeyspace with { ReplicationFactor = meta.MetaRange.Replicas.Length };
            await meta.TryCreateAsync(
                new CatalogRow(Guid.NewGuid(), CatalogRow.FirstRangeId, RingVersion: 0),
                [
                    MetaChange.Put(MetaRows.KeyspaceKey(SystemKeyspaces.Meta), new KeyspaceRow(keyspace, KeyspaceState.Active)),
                    MetaChange.Put(MetaRows.RangeKey(RangeId.Meta), meta.MetaRange),
                ],
                cancellationToken);
            return await meta.RefreshAsync(cancellationToken);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            await formation.LearnAsync(cancellationToken);
            if (notFormed is not null)
                throw new GrainDbException(Failure.NotApplied(ErrorCode.Unavailable, notFormed));
            throw;
        }
    }

    /// <summary>Writes the node's row where it is new or says something that only the node knows; weight and state stay as the row says.</summary>
    private async Task<MetaSnapshot> RegisterAsync(MetaSnapshot snapshot, CancellationToken cancellationToken)
    {
        while (true)
        {
            var known = snapshot.FindNode(node.Name);
            var row = known is null
                ? new NodeRow(node.Name, storage.Identity.Incarnation, node.Region, node.Weight, NodeState.Active, node.HttpEndpoint)
                : known with { Incarnation = storage.Identity.Incarnation, Http = node.HttpEndpoint };
            if (row == known)
                return snapshot;
            var catalog = known is null ? snapshot.Catalog with { RingVersion = snapshot.Catalog.RingVersion + 1 } : snapshot.Catalog;
            await meta.TryChangeAsync(snapshot, catalog, [MetaChange.Put(MetaRows.NodeKey(node.Name), row)], cancellationToken);
            snapshot = meta.Current!;
        }
    }

    /// <summary>Whether it is this node that finishes what others began: one at a time is enough, and two at once do no harm. A node that hangs is the one until it is declared dead.</summary>
    private bool IsFinisher(MetaSnapshot snapshot) =>
        snapshot.Nodes.Select(row => row.Name).Where(name => live.Find(name) is not null).Min(StringComparer.Ordinal) == node.Name;

    private async Task FinishKeyspacesAsync(MetaSnapshot snapshot, CancellationToken cancellationToken)
    {
        foreach (var row in snapshot.KeyspaceRows.Where(row => row.State != KeyspaceState.Active))
            await FinishKeyspaceAsync(row, cancellationToken);
        if (snapshot.Catalog.IsFresh && node.BootstrapNodes.All(name => snapshot.FindNode(name) is not null))
            await keyspaces.CreateAsync(SystemKeyspaces.DefaultKeyspace, idempotency: null, cancellationToken);

        foreach (var later in SystemKeyspaces.Later)
        {
            if (snapshot.FindKeyspace(later.Name) is null && meta.Current is { Catalog.IsFresh: false })
                await FinishKeyspaceAsync(new KeyspaceRow(later, KeyspaceState.Creating), cancellationToken);
        }

        if (meta.Current is { Catalog: { IsFresh: false, HadCache: false } } && await FinishKeyspaceAsync(new KeyspaceRow(SystemKeyspaces.CacheKeyspace, KeyspaceState.Creating), cancellationToken))
            await NoteCacheAsync(cancellationToken);
    }

    /// <summary>Once it was there it is the clients' to keep or to delete.</summary>
    private async Task NoteCacheAsync(CancellationToken cancellationToken)
    {
        while (meta.Current is { Catalog: { HadCache: false } catalog } snapshot)
            await meta.TryChangeAsync(snapshot, catalog with { HadCache = true }, [], cancellationToken);
    }

    /// <summary>One that cannot be finished now, because a node is down, must not keep this node from anything else.</summary>
    /// <returns>Whether it is as it shall be; also when a client has a keyspace of that name.</returns>
    private async Task<bool> FinishKeyspaceAsync(KeyspaceRow row, CancellationToken cancellationToken)
    {
        try
        {
            if (row.State == KeyspaceState.Creating)
                await keyspaces.EnsureAsync(row.Keyspace, idempotency: null, cancellationToken);
            else
                await keyspaces.DeleteAsync(row.Keyspace.Name, idempotency: null, cancellationToken);
            return true;
        }
        catch (GrainDbException exception) when (exception.Failure.Code == ErrorCode.KeyspaceExists)
        {
            return true;
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            DatabaseMembershipLog.KeyspaceUnfinished(logger, row.Keyspace.Name, exception.Message);
            return false;
        }
    }

    private async Task ForgetAsync(RangeId range)
    {
        try
        {
            await host.ForgetRangeAsync(range);
        }
        catch (IOException exception)
        {
            DatabaseMembershipLog.NotForgotten(logger, exception, range);
        }
    }

    /// <summary>Range ids are never reused: one below the next id that the view does not know is gone for good.</summary>
    private async Task RemoveOrphansAsync(MetaSnapshot snapshot)
    {
        foreach (var range in storage.KnownRanges())
        {
            if (range != RangeId.Meta && range.Value < snapshot.Catalog.NextRangeId && snapshot.FindRange(range) is null)
                await ForgetAsync(range);
        }
    }
}

/// <summary>Log messages of joining: event ids 1200–1299.</summary>
internal static partial class DatabaseMembershipLog
{
    [LoggerMessage(1200, LogLevel.Information, "readiness: {State}")]
    public static partial void Changed(ILogger logger, string state);

    [LoggerMessage(1202, LogLevel.Error, "range {Range} is gone, and its files cannot be deleted")]
    public static partial void NotForgotten(ILogger logger, Exception exception, RangeId range);

    [LoggerMessage(1201, LogLevel.Warning, "keyspace {Keyspace} cannot be finished yet: {Reason}")]
    public static partial void KeyspaceUnfinished(ILogger logger, string keyspace, string reason);
}
