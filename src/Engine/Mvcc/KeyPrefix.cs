using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace GrainDb.Engine.Mvcc;

/// <summary>
/// The next eight bytes of a key as a number that sorts as the bytes do, padded with zeros. Most comparisons in a block
/// are decided by it without touching the key. Source: the "poor man's normalized keys" of Graefe, "Modern B-Tree
/// Techniques" (2011), section 3.6.
/// </summary>
internal static class KeyPrefix
{
    /// <summary>Bytes that fit.</summary>
    public const int Bytes = sizeof(ulong);

    /// <summary>The prefix of <paramref name="key"/> behind its first <paramref name="skip"/> bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong At(ReadOnlySpan<byte> key, int skip) =>
        key.Length - skip >= Bytes ? BinaryPrimitives.ReadUInt64BigEndian(key[skip..]) : OfShortRest(key, key.Length - skip);

    private static ulong OfShortRest(ReadOnlySpan<byte> key, int rest)
    {
        if (rest <= 0)
            return 0;
        var unused = (Bytes - rest) * 8;
        if (key.Length >= Bytes)
            return BinaryPrimitives.ReadUInt64BigEndian(key[^Bytes..]) << unused;

        var value = 0UL;
        foreach (var part in key[^rest..])
            value = (value << 8) | part;
        return value << unused;
    }
}
