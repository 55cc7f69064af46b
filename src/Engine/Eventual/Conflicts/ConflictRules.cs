using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Eventual;

/// <summary>What a keyspace's policy makes of siblings wherever states are merged.</summary>
public static class ConflictRules
{
    /// <summary>
    /// Under <see cref="ConflictPolicy.LastWriterWins"/> the highest timestamp stays; otherwise nothing changes. A write's timestamp is above all that it has superseded, so the one that
    /// stays is the highest of all writes that were ever seen: the same in whatever order states come, and as often as they may.
    /// </summary>
    /// <param name="policy">The keyspace's.</param>
    /// <param name="set">What merging gave.</param>
    /// <param name="losers">What does not stay.</param>
    public static DottedSet Reduce(ConflictPolicy policy, DottedSet set, out IReadOnlyList<Sibling> losers)
    {
        ArgumentNullException.ThrowIfNull(set);
        losers = [];
        if (policy != ConflictPolicy.LastWriterWins || set.Siblings.Count < 2)
            return set;
        var winner = set.Siblings.MaxBy(sibling => (sibling.Timestamp, sibling.Dot))!;
        losers = [.. set.Siblings.Where(sibling => sibling != winner)];
        return set.Keep(sibling => sibling == winner);
    }

    /// <summary>Merges what another replica sent, and applies the policy.</summary>
    public static DottedSet Merge(ConflictPolicy policy, DottedSet ours, DottedSet theirs, out IReadOnlyList<Sibling> losers)
    {
        ArgumentNullException.ThrowIfNull(ours);
        return Reduce(policy, ours.Merge(theirs), out losers);
    }

    /// <summary>A record of what a conflict ended.</summary>
    internal static ConflictRecord Record(ReadOnlyMemory<byte> key, ConflictResolution resolution, Dot winner, IEnumerable<Sibling> losers, Timestamp at) =>
        new(key, resolution, winner, [.. losers.Select(LoserOf)], at);

    private static ConflictLoser LoserOf(Sibling sibling)
    {
        var (contentType, value) = sibling.IsTombstone ? ("", default) : StoredValue.Read(sibling.Stored);
        return new(sibling.Dot, sibling.Timestamp, sibling.IsTombstone, default, contentType, value);
    }
}
