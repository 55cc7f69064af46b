using GrainDb.Grains.Hosting;
using GrainDb.Grains.Placement;
using GrainDb.Grains.Ranges;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Grains.Meta;

/// <summary>
/// This node's view of the meta range. Placement and routing read it without waiting; whoever finds it too old asks for a
/// refresh, and all who ask at once share one. Where the meta range itself is, the node's storage remembers.
/// </summary>
internal sealed class MetaCache
{
    private const int PageRows = KeyLimits.MaxScanLimit;

    /// <summary>
    /// How long one answer of the meta range may take. Its node may have stopped without a trace; the next attempt asks the leader of that time.
    /// </summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private static readonly WriteCondition NotExists = new(ConditionKind.NotExists, default);

    private readonly Lock _lock = new();
    private readonly NodeStorage _storage;
    private readonly LeaderRoutes _routes;
    private readonly TimeProvider _time;
    private Task<MetaSnapshot>? _refresh;
    private volatile MetaSnapshot? _current;

    public MetaCache(NodeStorage storage, LeaderRoutes routes, TimeProvider time)
    {
        _storage = storage;
        _routes = routes;
        _time = time;
    }

    /// <summary>Where the meta range is.</summary>
    public RangeDescriptor MetaRange => _storage.MetaRange;

    /// <summary>The newest view; null before the first refresh succeeded.</summary>
    public MetaSnapshot? Current => _current;

    public RangeDescriptor? Find(RangeId range) => range == RangeId.Meta ? MetaRange : _current?.FindRange(range);

    /// <summary>A view that is at least as new as this call.</summary>
    /// <exception cref="GrainDbException">The meta range cannot be read, or does not exist yet.</exception>
    public async Task<MetaSnapshot> RefreshAsync(CancellationToken cancellationToken)
    {
        Task<MetaSnapshot>? underway;
        lock (_lock)
            underway = _refresh;

        // One that is under way may have read before the caller's reason arose: wait for it, then share the next one.
        if (underway is not null)
            await ((Task)underway).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Task<MetaSnapshot> next;
        lock (_lock)
            next = _refresh is null || _refresh == underway ? _refresh = FetchAsync() : _refresh;
        return await next.WaitAsync(cancellationToken);
    }

    /// <summary>Writes rows of the meta range, conditional on the catalog row of <paramref name="based"/>, then refreshes.</summary>
    /// <returns>False: somebody else changed the meta range first; refresh and decide again.</returns>
    /// <exception cref="GrainDbException">The write failed otherwise.</exception>
    public async Task<bool> TryChangeAsync(MetaSnapshot based, CatalogRow catalog, IEnumerable<MetaChange> changes, CancellationToken cancellationToken) =>
        (await TryChangeAsync(based, catalog, changes, idempotency: null, cancellationToken)).IsDone;

    /// <summary>The same for a request that may be repeated: its stamp is stored with the rows.</summary>
    /// <exception cref="GrainDbException">The write failed otherwise, or the stamp's key belongs to another request.</exception>
    public Task<MetaChangeResult> TryChangeAsync(
        MetaSnapshot based,
        CatalogRow catalog,
        IEnumerable<MetaChange> changes,
        IdempotencyStamp? idempotency,
        CancellationToken cancellationToken) =>
        TryWriteAsync(catalog, new WriteCondition(ConditionKind.VersionEquals, based.Version), changes, idempotency, cancellationToken);

    /// <summary>
    /// The answer of a request that took effect before, or null. It is asked by a write whose condition never holds, because the catalog row
    /// exists: stamps are looked up before conditions, so either the stamp answers or nothing happens.
    /// </summary>
    /// <exception cref="GrainDbException">The meta range cannot be asked, or the stamp's key belongs to another request.</exception>
    public async Task<ReadOnlyMemory<byte>?> FindRepeatedAsync(IdempotencyStamp idempotency, CancellationToken cancellationToken)
    {
        var snapshot = Current ?? await RefreshAsync(cancellationToken);
        return (await TryWriteAsync(snapshot.Catalog, NotExists, [], idempotency, cancellationToken)).Repeated;
    }

    /// <summary>Creates the database: succeeds once in its life.</summary>
    public async Task<bool> TryCreateAsync(CatalogRow catalog, IEnumerable<MetaChange> changes, CancellationToken cancellationToken) =>
        (await TryWriteAsync(catalog, NotExists, changes, idempotency: null, cancellationToken)).IsDone;

    /// <summary>The operations of the meta range's leader.</summary>
    /// <exception cref="GrainDbException">Nothing is heard of it.</exception>
    private IKeyRange MetaLeader => _routes.Find(RangeId.Meta);

    private async Task<MetaChangeResult> TryWriteAsync(
        CatalogRow catalog,
        WriteCondition condition,
        IEnumerable<MetaChange> changes,
        IdempotencyStamp? idempotency,
        CancellationToken cancellationToken)
    {
        var writes = changes
            .Select(change => change.ToWrite())
            .Prepend(MetaChange.Put(MetaRows.CatalogKey, catalog).ToWrite() with { Condition = condition })
            .ToArray();
        var result = await ReachAsync(
            MetaLeader.WriteAsync(new RangeWrite(writes, MetaRange.Generation) { Idempotency = idempotency }).AsTask().WaitAsync(cancellationToken),
            otherwise: Outcome.Unknown);
        if (result.Failure is { Code: not ErrorCode.VersionMismatch } failure)
            throw Failed(failure);

        // The write is what it is, whether or not the new view can be fetched now.
        await ((Task)RefreshAsync(cancellationToken)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return new(IsDone: result is { Failure: null, IsRepeated: false }, result.IsRepeated ? result.Answer : default(ReadOnlyMemory<byte>?));
    }

    /// <summary>A route to the meta range that is stale for a moment is no concern of the callers.</summary>
    private static GrainDbException Failed(Failure failure) => new(failure.Code == ErrorCode.RangeMoved
        ? Failure.NotApplied(ErrorCode.Unavailable, failure.Detail) with { RetryAfter = TimeSpan.FromSeconds(1) }
        : failure);

    /// <summary>What keeps the meta range from answering is a failure like any other to those who ask.</summary>
    private static async Task<T> ReachAsync<T>(Task<T> call, Outcome otherwise)
    {
        try
        {
            return await call.ConfigureAwait(false);
        }
        catch (PlacementUnavailableException exception)
        {
            throw new GrainDbException(Failure.NotApplied(ErrorCode.Unavailable, exception.Message));
        }
        catch (Exception exception) when (exception is TimeoutException or OrleansException)
        {
            throw new GrainDbException(otherwise == Outcome.Unknown
                ? Failure.Unknown(ErrorCode.OutcomeUnknown, $"the meta range did not answer: {exception.Message}")
                : Failure.NotApplied(ErrorCode.Unavailable, $"the meta range did not answer: {exception.Message}"));
        }
    }

    private async Task<MetaSnapshot> FetchAsync()
    {
        // Off the caller's scheduler: the fetch is shared and must not die with one grain's activation.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            var catalog = await ReachAsync(
                MetaLeader.ReadAsync(new RangeRead(MetaRows.Bytes(MetaRows.CatalogKey), Timestamp.Zero, MetaRange.Generation)).AsTask().WaitAsync(Patience, _time),
                otherwise: Outcome.NotApplied).ConfigureAwait(false);
            if (catalog.Failure is { } failure)
                throw Failed(failure);
            if (!catalog.Found)
                throw new GrainDbException(Failure.NotApplied(ErrorCode.Unavailable, "the database is not created yet"));
            if (_current is { } current && current.Version == catalog.Version)
            {
                Remember(current); // it may not have been saved
                return current;
            }

            var snapshot = MetaSnapshot.FromRows(await ReadAllAsync(catalog.ReadTimestamp).ConfigureAwait(false));
            if (_current is null || snapshot.Version > _current.Version)
                _current = snapshot;
            Remember(snapshot);
            return _current;
        }
        finally
        {
            lock (_lock)
                _refresh = null;
        }
    }

    private void Remember(MetaSnapshot snapshot)
    {
        if (snapshot.FindRange(RangeId.Meta) is { } metaRange)
            _storage.RememberMetaRange(metaRange, snapshot.Version, snapshot.Catalog.DatabaseId);
    }

    private async Task<List<ScanItem>> ReadAllAsync(Timestamp at)
    {
        var rows = new List<ScanItem>();
        byte[]? resume = [];
        while (resume is not null)
        {
            var page = await MetaLeader.ScanAsync(new RangeScan(
                resume, End: null, at, PageRows, Reverse: false, KeysOnly: false, KeyLimits.MaxScanPageBytes, Filter: null, MetaRange.Generation)).AsTask().WaitAsync(Patience, _time).ConfigureAwait(false);
            if (page.Failure is { } failure)
                throw Failed(failure);
            rows.AddRange(page.Items);
            resume = page.ResumeKey;
        }

        return rows;
    }
}
