using GrainDb.Engine.Time;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Ranges;
using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keyspaces;

namespace GrainDb.Grains.Changes;

/// <summary>Opens change feeds on this node.</summary>
internal sealed class ChangeFeed(MetaCache meta, RangeCalls calls, HybridLogicalClock clock, TimeProvider time) : IChangeFeed
{
    private int _open;

    /// <summary>Feeds that are open now.</summary>
    public int Open => Volatile.Read(ref _open);

    public async ValueTask<ChangeFeedOpening> OpenAsync(ChangeFeedQuery query, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        try
        {
            if (await FindAsync(query.Keyspace, timeout, cancellationToken) is not { } map)
                return Failed(Failure.NotApplied(ErrorCode.KeyspaceNotFound, $"there is no keyspace '{query.Keyspace}'"));
            if (map.Keyspace.Family != KeyspaceFamily.Strong)
                return Failed(Failure.NotApplied(ErrorCode.UnsupportedForFamily, $"keyspace '{query.Keyspace}' is eventual: it has no order of changes"));
            if (TryBegin(query, map, out var begin) is { } failure)
                return Failed(failure);
            Interlocked.Increment(ref _open);
            var stream = new ChangeStream(query, begin, map, calls, clock, time, onClosed: () => Interlocked.Decrement(ref _open));
            try
            {
                if (await stream.OpenAsync(timeout - time.GetElapsedTime(started), cancellationToken) is not { } refused)
                    return new(null, stream);
                await stream.DisposeAsync();
                return Failed(refused);
            }
            catch
            {
                await stream.DisposeAsync();
                throw;
            }
        }
        catch (GrainDbException exception)
        {
            return Failed(exception.Failure);
        }
    }

    /// <summary>The keyspace; a view that does not have it may be older than it.</summary>
    private async Task<KeyspaceMap?> FindAsync(string keyspace, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (meta.Current?.FindActive(keyspace) is { } known)
            return known;
        try
        {
            return (await meta.RefreshAsync(cancellationToken).WaitAsync(timeout, time, cancellationToken)).FindActive(keyspace);
        }
        catch (TimeoutException)
        {
            throw new GrainDbException(Failure.NotApplied(ErrorCode.Unavailable, "the meta range did not answer in time"));
        }
    }

    /// <summary>Settles where the feed begins.</summary>
    /// <returns>Why it cannot; null when it can.</returns>
    private Failure? TryBegin(ChangeFeedQuery query, KeyspaceMap map, out FeedPosition begin)
    {
        var incarnation = IncarnationOf(map);
        begin = query.From ?? new(clock.Now(), Delivered: 0, incarnation);
        if (begin.Incarnation != 0 && begin.Incarnation != incarnation)
            return OtherKeyspace(query.Keyspace);
        if (!clock.TryReceive(begin.Timestamp))
            return Failure.NotApplied(ErrorCode.InvalidRequest, $"{begin.Timestamp} lies in the future of this node's clock");
        begin = begin with { Incarnation = incarnation };
        return null;
    }

    /// <summary>A split leaves the lower part its id and ids are never used again: so the first range tells a keyspace from a later one of its name.</summary>
    public static long IncarnationOf(KeyspaceMap map) => map.Ranges[0].Id.Value;

    public static Failure OtherKeyspace(string keyspace) =>
        Failure.NotApplied(ErrorCode.CursorCompacted, $"keyspace '{keyspace}' was deleted and created again: what its feed had before is gone");

    private static ChangeFeedOpening Failed(Failure failure) => new(failure, null);
}
