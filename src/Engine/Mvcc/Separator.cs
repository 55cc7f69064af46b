namespace GrainDb.Engine.Mvcc;

/// <summary>
/// A place in the order of versions: keys ascending, and within a key timestamps descending. In a
/// <see cref="BranchBlock"/> everything to the left is before it and everything to the right is at or after it.
/// </summary>
/// <param name="Key">As many bytes of a key as tell left from right. Never changed.</param>
/// <param name="Timestamp"><see cref="ulong.MaxValue"/>, before every version of the key, unless the place lies inside a chain.</param>
internal sealed record Separator(byte[] Key, ulong Timestamp)
{
    /// <summary>Less than zero if this is before the given place.</summary>
    public int CompareTo(ReadOnlySpan<byte> key, ulong timestamp)
    {
        var order = Key.AsSpan().SequenceCompareTo(key);
        return order != 0 ? order : timestamp.CompareTo(Timestamp);
    }

    /// <summary>The shortest separator between two neighbouring versions.</summary>
    public static Separator Between(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, ulong rightTimestamp)
    {
        var common = left.CommonPrefixLength(right);
        return common == right.Length
            ? new Separator(right.ToArray(), rightTimestamp)
            : new Separator(right[..(common + 1)].ToArray(), ulong.MaxValue);
    }

    /// <summary>How many leading bytes every key between two separators shares; zero where one side is open.</summary>
    public static int SharedBytes(Separator? low, Separator? high) =>
        low is null || high is null ? 0 : low.Key.AsSpan().CommonPrefixLength(high.Key);
}
