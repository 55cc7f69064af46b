using System.Globalization;
using System.Text;

namespace GrainDb.LoadTool.Durability;

/// <summary>
/// The value of a recorded write: <c>key sequence length </c> and filler, all determined by these three. Whoever reads
/// it can tell which write it was and whether every byte of it is there, without having kept a copy.
/// </summary>
internal static class RecordedValue
{
    /// <summary>Smallest length: room for the longest key and sequence that the tool makes.</summary>
    public const int MinBytes = 96;

    /// <summary>The value of a write.</summary>
    public static byte[] Of(string key, long sequence, int bytes)
    {
        var value = new byte[bytes];
        var head = Encoding.ASCII.GetBytes($"{key} {sequence} {bytes} ");
        if (head.Length > bytes)
            throw new ArgumentOutOfRangeException(nameof(bytes), bytes, $"the value of '{key}' needs at least {head.Length}");
        head.CopyTo(value, 0);

        // SplitMix64 (Steele, Lea, Flood 2014) over the head: every write's filler differs from every other's.
        var state = 0UL;
        foreach (var b in head)
            state = (state * 1_099_511_628_211) ^ b;
        for (var i = head.Length; i < bytes; i++)
        {
            state += 0x9E3779B97F4A7C15;
            var mixed = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9;
            value[i] = (byte)('!' + ((mixed >> 40) % 94));
        }

        return value;
    }

    /// <summary>Which write of the key a value is; null when it is no whole value of that key.</summary>
    public static long? SequenceOf(string key, ReadOnlySpan<byte> value)
    {
        var prefix = Encoding.ASCII.GetBytes(key + " ");
        if (!value.StartsWith(prefix))
            return null;
        var rest = value[prefix.Length..];
        var end = rest.IndexOf((byte)' ');
        if (end < 0 || !long.TryParse(rest[..end], NumberStyles.None, CultureInfo.InvariantCulture, out var sequence))
            return null;
        return value.SequenceEqual(Of(key, sequence, value.Length)) ? sequence : null;
    }
}
