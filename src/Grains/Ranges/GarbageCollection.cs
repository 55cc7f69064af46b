using GrainDb.Engine.Ranges;
using GrainDb.Engine.Time;
using GrainDb.Grains.Meta;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;

namespace GrainDb.Grains.Ranges;

/// <summary>Raises a range's GC threshold to now minus its keyspace's retention, and collects in slices between other work.</summary>
internal sealed class GarbageCollection(MetaCache meta, HybridLogicalClock clock, TimeProvider time)
{
    private const int KeysPerSlice = 2_000;

    /// <summary>The first pass removes versions, a second one gives pages back that the first made sparse.</summary>
    private const int MaxPasses = 2;

    /// <summary>Every raise of a threshold is a log record: a range is collected this many times per retention.</summary>
    private const int CollectionsPerRetention = 10;

    private static readonly TimeSpan LongestInterval = TimeSpan.FromHours(1);

    /// <summary>Whether the range was last collected long enough ago, and at least <paramref name="shortest"/> ago.</summary>
    public bool IsDue(RangeLeader leader, TimeSpan shortest)
    {
        var interval = KeyspaceOf(leader).Retention / CollectionsPerRetention;
        interval = interval < shortest ? shortest : interval > LongestInterval ? LongestInterval : interval;
        return time.GetElapsedTime(leader.LastCollected) >= interval;
    }

    /// <returns>The threshold in force.</returns>
    public async Task<Timestamp> CollectAsync(RangeLeader leader)
    {
        var inForce = await leader.RaiseGcThresholdAsync(clock.Now().Add(-KeyspaceOf(leader).Retention));
        for (var pass = 0; pass < MaxPasses && leader.Replica.HasGarbage; pass++)
        {
            while (!leader.Replica.CollectGarbageSlice(KeysPerSlice))
                await Task.Yield();
        }

        return inForce;
    }

    /// <summary>A follower collects for itself what the log's threshold freed: a slice.</summary>
    public static void CollectSlice(RangeReplica replica)
    {
        if (replica.HasGarbage)
            replica.CollectGarbageSlice(KeysPerSlice);
    }

    private KeyspaceDescriptor KeyspaceOf(RangeLeader leader) =>
        meta.Current?.FindKeyspace(leader.Descriptor.Keyspace)?.Keyspace ?? SystemKeyspaces.MetaKeyspace;
}
