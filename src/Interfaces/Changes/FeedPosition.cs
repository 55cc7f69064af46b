using GrainDb.Interfaces.Keys;

namespace GrainDb.Interfaces.Changes;

/// <summary>
/// How far a change feed has come. The order of a feed is fixed: by version, then by routing key. With <see cref="Delivered"/> zero everything at or
/// below <see cref="Timestamp"/> was delivered; else everything below it, and of the changes at it the first <see cref="Delivered"/>.
/// A position says nothing about ranges, so it outlives leaders, nodes and splits.
/// </summary>
/// <param name="Timestamp">A version, or a timestamp up to which the feed was complete.</param>
/// <param name="Delivered">Changes at <paramref name="Timestamp"/> that were delivered while others at it were not; else zero.</param>
/// <param name="Incarnation">
/// Tells the keyspace from another one that had its name: the id of its first range. Zero where it is not known.
/// </param>
public readonly record struct FeedPosition(Timestamp Timestamp, int Delivered, long Incarnation)
{
    /// <summary>Everything at or below it was delivered.</summary>
    public Timestamp CompleteUpTo => Delivered == 0 ? Timestamp : Timestamp.Previous;
}
