using System.Globalization;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Grains.Placement;

/// <summary>Key of a replica's grain: <c>range@node</c>.</summary>
/// <param name="Range">The range.</param>
/// <param name="Node">The node to which the grain is pinned.</param>
internal readonly record struct ReplicaKey(RangeId Range, string Node)
{
    private const char Separator = '@';

    /// <exception cref="FormatException">It is no such key.</exception>
    public static ReplicaKey Parse(string key)
    {
        var at = key.IndexOf(Separator, StringComparison.Ordinal);
        return at > 0 && at + 1 < key.Length && long.TryParse(key.AsSpan(0, at), NumberStyles.None, CultureInfo.InvariantCulture, out var range)
            ? new(new RangeId(range), key[(at + 1)..])
            : throw new FormatException($"'{key}' is not RANGE{Separator}NODE");
    }

    public override string ToString() => $"{Range}{Separator}{Node}";
}
