namespace GrainDb.Engine.Mvcc;

/// <summary>Unsigned LEB128, at most ten bytes, and zigzag for signed differences.</summary>
internal static class Varint
{
    /// <summary>Longest encoding in bytes.</summary>
    public const int MaxBytes = 10;

    /// <summary>Writes a number; returns its length.</summary>
    public static int Write(Span<byte> destination, ulong value)
    {
        var length = 0;
        while (value >= 0x80)
        {
            destination[length++] = (byte)(value | 0x80);
            value >>= 7;
        }

        destination[length++] = (byte)value;
        return length;
    }

    /// <summary>Reads a number and moves <paramref name="source"/> behind it; false when it is cut off or too long.</summary>
    public static bool TryRead(ref ReadOnlySpan<byte> source, out ulong value)
    {
        value = 0;
        for (var index = 0; index < source.Length && index < MaxBytes; index++)
        {
            var part = source[index];
            if (index == MaxBytes - 1 && part > 1)
                return false;
            value |= (ulong)(part & 0x7F) << (7 * index);
            if (part < 0x80)
            {
                source = source[(index + 1)..];
                return true;
            }
        }

        return false;
    }

    /// <summary>The difference of two numbers modulo 2^64, small for small differences of either sign.</summary>
    public static ulong Difference(ulong value, ulong from)
    {
        var difference = unchecked((long)(value - from));
        return unchecked((ulong)((difference << 1) ^ (difference >> 63)));
    }

    /// <summary>Undoes <see cref="Difference"/>.</summary>
    public static ulong Add(ulong from, ulong difference) =>
        unchecked(from + (ulong)((long)(difference >> 1) ^ -(long)(difference & 1)));
}
