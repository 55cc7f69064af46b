using System.Globalization;

namespace GrainDb.Faults.Clusters;

/// <summary>What the names of a replica's segments tell while its node runs. See docs/formats/wal.md.</summary>
internal static class LogFiles
{
    private const string Prefix = "wal-";

    /// <summary>The oldest record that a node's log of a range still has.</summary>
    public static ulong FirstLsnOf(ClusterNode node, long range) => Directory
        .EnumerateFiles(Path.Combine(node.DataDirectory, "ranges", range.ToString(CultureInfo.InvariantCulture)), $"{Prefix}*.log")
        .Select(path => ulong.Parse(Path.GetFileNameWithoutExtension(path).AsSpan(Prefix.Length), CultureInfo.InvariantCulture))
        .Min();
}
