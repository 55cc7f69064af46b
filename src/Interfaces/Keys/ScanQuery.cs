namespace GrainDb.Interfaces.Keys;

/// <summary>
/// A scan over a keyspace. In a range-partitioned keyspace rows come in key order. In a hash-partitioned one they come in
/// the order of their hashes: bounds and prefix then filter, and a page may hold fewer rows than the limit.
/// </summary>
/// <param name="Start">Inclusive lower bound of the user's keys; empty for none.</param>
/// <param name="End">Exclusive upper bound; null for none.</param>
/// <param name="AsOf">Snapshot; zero on the first page, then the page's <see cref="ScanResult.ReadTimestamp"/>.</param>
/// <param name="Limit">1 to <see cref="KeyLimits.MaxScanLimit"/> rows.</param>
/// <param name="Reverse">Descending order.</param>
/// <param name="KeysOnly">Leave the values out.</param>
/// <param name="ResumeKey">The previous page's <see cref="ScanResult.ResumeKey"/>; null on the first page.</param>
[GenerateSerializer, Immutable, Alias("graindb.scan-query")]
public sealed record ScanQuery(
    [property: Id(0)] ReadOnlyMemory<byte> Start,
    [property: Id(1)] ReadOnlyMemory<byte>? End,
    [property: Id(2)] Timestamp AsOf,
    [property: Id(3)] int Limit,
    [property: Id(4)] bool Reverse,
    [property: Id(5)] bool KeysOnly,
    [property: Id(6)] byte[]? ResumeKey)
{
    /// <summary>
    /// The smallest key above every key with this prefix (exclusive end of a prefix scan); null when there is none
    /// (empty prefix, or all bytes 0xFF).
    /// </summary>
    public static ReadOnlyMemory<byte>? EndOfPrefix(ReadOnlyMemory<byte> prefix)
    {
        var bytes = prefix.ToArray();
        for (var i = bytes.Length - 1; i >= 0; i--)
        {
            if (bytes[i] == byte.MaxValue)
                continue;
            bytes[i]++;
            return bytes.AsMemory(0, i + 1);
        }

        return null;
    }
}
