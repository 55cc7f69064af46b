using System.Buffers.Text;
using System.Globalization;
using System.Text;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Transactions;

/// <summary>Integers as values: UTF-8 decimal text, an optional minus sign and digits, within 64 bits; absent is 0.</summary>
public static class Increment
{
    /// <summary>Media type of a value that an increment makes where there was none, and none was named.</summary>
    public const string ContentType = "text/plain";

    /// <summary>Adds to what is there.</summary>
    /// <param name="current">The value; null when the key does not exist.</param>
    /// <param name="by">What to add.</param>
    /// <returns>The sum; null when the value is no integer, or the sum has no room in 64 bits.</returns>
    public static long? Add(ReadOnlyMemory<byte>? current, long by)
    {
        if (Read(current) is not { } value)
            return null;
        var sum = (Int128)value + by;
        return sum < long.MinValue || sum > long.MaxValue ? null : (long)sum;
    }

    /// <summary>The integer that is there.</summary>
    /// <param name="current">The value; null when the key does not exist.</param>
    /// <returns>Null when the value is no integer.</returns>
    public static long? Read(ReadOnlyMemory<byte>? current)
    {
        if (current is not { } text)
            return 0;
        return Utf8Parser.TryParse(text.Span, out long value, out var consumed) && consumed == text.Length && text.Span[0] != (byte)'+' ? value : null;
    }

    /// <summary>The put that an increment comes to.</summary>
    /// <param name="write">The write; its media type, where it names one.</param>
    /// <param name="by">What to add.</param>
    /// <param name="current">What is there; null when the key does not exist.</param>
    /// <returns>The put, and the sum; null when there is no sum (<see cref="Add"/>).</returns>
    internal static (KeyWrite Put, long Sum)? Make(KeyWrite write, long by, ScanItem? current)
    {
        if (Add(current?.Value, by) is not { } sum)
            return null;
        var contentType = write.ContentType.Length > 0 ? write.ContentType : current?.ContentType ?? ContentType;
        return (write with { Kind = WriteKind.Put, Value = ToValue(sum), ContentType = contentType }, sum);
    }

    /// <summary>The value that holds an integer.</summary>
    public static byte[] ToValue(long value) => Encoding.ASCII.GetBytes(value.ToString(CultureInfo.InvariantCulture));
}
