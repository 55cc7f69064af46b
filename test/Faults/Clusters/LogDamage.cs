namespace GrainDb.Faults.Clusters;

/// <summary>What a failing disk does to the files of a node that is down.</summary>
internal static class LogDamage
{
    /// <summary>Size of a segment's header; what follows are frames. See docs/formats/wal.md.</summary>
    private const int HeaderBytes = 72;

    /// <summary>Flips one bit in the middle of what each replica's log holds, so that whole records follow it: no torn tail looks like that.</summary>
    /// <returns>The damaged files.</returns>
    public static IReadOnlyList<string> FlipBits(ClusterNode node)
    {
        if (node.IsRunning)
            throw new InvalidOperationException($"{node.Name} runs");
        var damaged = new List<string>();
        foreach (var range in Directory.EnumerateDirectories(Path.Combine(node.DataDirectory, "ranges")))
        {
            var segment = Directory.EnumerateFiles(range, "wal-*.log").Order(StringComparer.Ordinal).LastOrDefault();
            if (segment is null || !FlipInTheMiddle(segment))
                continue;
            damaged.Add(segment);
        }

        return damaged;
    }

    private static bool FlipInTheMiddle(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var used = bytes.AsSpan().LastIndexOfAnyExcept((byte)0) + 1;
        if (used <= HeaderBytes)
            return false;
        bytes[HeaderBytes + ((used - HeaderBytes) / 2)] ^= 0x10;
        File.WriteAllBytes(path, bytes);
        return true;
    }
}
