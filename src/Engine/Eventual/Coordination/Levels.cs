using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// Whether so many replicas are enough. While a partition moves a level is met only when it is met among the replicas before and among those after, each counted for
/// itself: so a write by either configuration meets a read by the other, until nobody goes by the old one any more.
/// </summary>
internal static class Levels
{
    public static bool IsMet(PartitionConfiguration configuration, EventualLevel level, Predicate<Guid> counts, EventualOptions options) =>
        IsMet(configuration.Members, level, counts, less: 0)
        && (!configuration.IsJoint || options.Has(EventualFaults.SingleSet) || IsMet(configuration.Incoming, level, counts, less: 0));

    /// <summary>The same for a read.</summary>
    public static bool IsReadMet(PartitionConfiguration configuration, EventualLevel level, Predicate<Guid> counts, EventualOptions options) =>
        options.Has(EventualFaults.ReadOneLess) ? IsMet(configuration.Members, level, counts, less: 1) : IsMet(configuration, level, counts, options);

    private static bool IsMet(ReplicaDescriptor[] replicas, EventualLevel level, Predicate<Guid> counts, int less) =>
        replicas.Count(replica => counts(replica.Id)) >= Math.Max(1, level.Needed(replicas.Length) - less);
}
