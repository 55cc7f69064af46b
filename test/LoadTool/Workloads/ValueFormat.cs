namespace GrainDb.LoadTool.Workloads;

/// <summary>
/// The values of the workloads: the key, a colon, a counter in hex, then filler. So a read can tell another key's value
/// and a value of the wrong length from its own.
/// </summary>
internal static class ValueFormat
{
    private const int CounterAt = KeyFormat.Length + 1;
    private const int CounterDigits = 16;

    /// <summary>Smallest value that holds the key.</summary>
    public const int MinBytes = KeyFormat.Length;

    /// <summary>Fills a value once with bytes that do not compress to nothing; then only <see cref="Write"/> is needed.</summary>
    public static void Fill(Span<byte> value, Random random)
    {
        foreach (ref var b in value)
            b = (byte)random.Next('!', '~');
    }

    /// <summary>Makes it the value of a key.</summary>
    public static void Write(Span<byte> value, int key, long counter)
    {
        KeyFormat.Write(key, value);
        if (value.Length < CounterAt + CounterDigits)
            return;
        value[KeyFormat.Length] = (byte)':';
        counter.TryFormat(value.Slice(CounterAt, CounterDigits), out _, "x16");
    }

    /// <summary>Whether it is a value of this key with this length.</summary>
    public static bool Matches(ReadOnlySpan<byte> value, int key, int bytes) =>
        value.Length == bytes && KeyFormat.TryRead(value[..KeyFormat.Length], out var found) && found == key;
}
