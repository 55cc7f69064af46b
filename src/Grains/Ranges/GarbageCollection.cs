using GrainDb.Engine.Ranges;
using GrainDb.Engine.Time;
using GrainDb.Grains.Meta;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Grains.Ranges;

/// <summary>Raises a range's GC threshold to now minus its keyspace's retention, and collects in slices between other work.</summary>
internal sealed class GarbageCollection(MetaCache meta, HybridLogicalClock clock)
{
    private const int KeysPerSlice = 2_000;

    /// <returns>The threshold in force.</returns>
    public async Task<Timestamp> CollectAsync(RangeLeader leader)
    {
        var keyspace = meta.Current?.FindKeyspace(leader.Descriptor.Keyspace)?.Keyspace ?? SystemKeyspaces.MetaKeyspace;
        var inForce = await leader.RaiseGcThresholdAsync(clock.Now().Add(-keyspace.Retention));
        while (!leader.CollectGarbageSlice(KeysPerSlice))
            await Task.Yield();
        return inForce;
    }
}
