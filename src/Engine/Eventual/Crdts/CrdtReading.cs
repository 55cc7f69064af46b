using GrainDb.Interfaces.Eventual;

namespace GrainDb.Engine.Eventual;

/// <summary>What a data type holds: a function of the siblings of its key, whatever replica they are read from.</summary>
public static class CrdtReading
{
    /// <summary>The counter of a key.</summary>
    public static CounterState Counter(DottedSet set)
    {
        ArgumentNullException.ThrowIfNull(set);
        return set.Siblings.Aggregate(CounterState.Zero, (joined, sibling) => joined.Join(CounterState.Decode(sibling.Stored)));
    }

    /// <summary>The set, map or register of a key.</summary>
    public static DotMapState Map(DottedSet set)
    {
        ArgumentNullException.ThrowIfNull(set);
        return set.Siblings.Aggregate(DotMapState.Empty, (joined, sibling) => joined.Join(DotMapState.Decode(sibling.Stored)));
    }

    /// <summary>Whether keys under this policy hold a data type.</summary>
    public static bool IsCrdt(ConflictPolicy policy) => policy is not (ConflictPolicy.Siblings or ConflictPolicy.LastWriterWins);
}
