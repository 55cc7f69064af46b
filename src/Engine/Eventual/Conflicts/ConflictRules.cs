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

    /// <summary>
    /// Under the policies whose fields are decided by time: what a merge made several writes of a field stand for. Readers see the latest of them from then on, so the others have lost, whether or not the field is ever
    /// written again. Every replica on which they meet says so with the same name, the winner's.
    /// </summary>
    /// <param name="policy">The keyspace's.</param>
    /// <param name="key">The user's key.</param>
    /// <param name="before">The state before merging.</param>
    /// <param name="after">The state after it.</param>
    internal static IEnumerable<ConflictRecord> EndedFields(ConflictPolicy policy, ReadOnlyMemory<byte> key, DottedSet before, DottedSet after)
    {
        if (policy is not (ConflictPolicy.LastWriterWinsMap or ConflictPolicy.Register))
            return [];
        var (known, map) = (CrdtReading.Map(before), CrdtReading.Map(after));
        return map.Names
            .Where(name => map.WritesOf(name).Count > 1 && map.WritesOf(name).Any(write => !known.Has(name, write.Dot)))
            .GroupBy(name => map.WinnerOf(name)!.Value.Dot)
            .Select(names => new ConflictRecord(
                key, ConflictResolution.Timestamp, names.Key, [.. names.SelectMany(name => LosersOf(map, name)).OrderBy(loser => loser.Dot)], map.WinnerOf(names.First())!.Value.Timestamp));
    }

    /// <summary>A record of what a conflict ended.</summary>
    internal static ConflictRecord Record(ReadOnlyMemory<byte> key, ConflictResolution resolution, Dot winner, IEnumerable<Sibling> losers, Timestamp at) =>
        new(key, resolution, winner, [.. losers.Select(LoserOf)], at);

    private static IEnumerable<ConflictLoser> LosersOf(DotMapState map, ReadOnlyMemory<byte> name)
    {
        var winner = map.WinnerOf(name)!.Value.Dot;
        return map.WritesOf(name).Where(write => write.Dot != winner).Select(write => new ConflictLoser(write.Dot, write.Timestamp, Deleted: false, name, "", write.Value));
    }

    private static ConflictLoser LoserOf(Sibling sibling)
    {
        var (contentType, value) = sibling.IsTombstone ? ("", default) : StoredValue.Read(sibling.Stored);
        return new(sibling.Dot, sibling.Timestamp, sibling.IsTombstone, default, contentType, value);
    }
}
