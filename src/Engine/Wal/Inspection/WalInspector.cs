using System.Globalization;

namespace GrainDb.Engine.Wal;

/// <summary>
/// Reads logs offline, for <c>graindb wal inspect</c> and <c>wal verify</c>. Takes the directory of one replica, or a node's data
/// directory (then every directory under <c>ranges</c>), or a directory of such directories. Changes nothing and takes no lock, so a verdict on the directory of
/// a running node may name an append that was just under way. Payloads are never printed.
/// </summary>
public static class WalInspector
{
    private const string RangesDirectory = "ranges";

    /// <summary>Prints every segment, batch, record, checkpoint and hard state.</summary>
    public static void Inspect(IWalFileSystem fs, string dir, TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(fs);
        ArgumentNullException.ThrowIfNull(output);
        foreach (var replica in Replicas(fs, dir)) new ReplicaInspection(fs, replica, output, details: true).Run();
    }

    /// <summary>Checks everything that a recovery would check, and more, and prints one line per replica and per problem.</summary>
    /// <returns>Number of problems; 0 when every replica would start, torn tails (said, not counted) included.</returns>
    public static int Verify(IWalFileSystem fs, string dir, TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(fs);
        ArgumentNullException.ThrowIfNull(output);
        var problems = 0;
        foreach (var replica in Replicas(fs, dir))
        {
            var inspection = new ReplicaInspection(fs, replica, output, details: false);
            inspection.Run();
            problems += inspection.Problems;
        }

        output.WriteLine(problems == 0 ? "no problems" : problems.ToString(CultureInfo.InvariantCulture) + " problems");
        return problems;
    }

    private static IEnumerable<string> Replicas(IWalFileSystem fs, string directory)
    {
        if (!fs.DirectoryExists(directory)) throw new DirectoryNotFoundException($"{directory} does not exist");
        var ranges = Path.Combine(directory, RangesDirectory);
        if (!fs.DirectoryExists(ranges))
        {
            // The directory of a whole cluster in one process: one directory per node.
            var nodes = fs.ListDirectories(directory).Select(name => Path.Combine(directory, name)).Where(node => fs.DirectoryExists(Path.Combine(node, RangesDirectory))).ToList();
            return nodes.Count == 0 ? [directory] : nodes.SelectMany(node => Replicas(fs, node));
        }

        return fs.ListDirectories(ranges)
            .OrderBy(name => long.TryParse(name, CultureInfo.InvariantCulture, out var id) ? id : long.MaxValue)
            .Select(name => Path.Combine(ranges, name));
    }
}
