using System.Buffers.Text;
using System.Globalization;
using System.Text;
using GrainDb.Interfaces.Errors;

namespace GrainDb.Engine.Transactions;

/// <summary>Integers as increments keep them: UTF-8 decimal text of 64 bits, an optional minus sign first; absent is 0.</summary>
public static class IntegerText
{
    /// <summary>Adds to what is there.</summary>
    /// <param name="current">The bytes that are there; null when the key does not exist.</param>
    /// <param name="by">What to add.</param>
    /// <param name="sum">The new value.</param>
    /// <returns>Why not; null when it is added.</returns>
    public static Failure? TryAdd(ReadOnlyMemory<byte>? current, long by, out long sum)
    {
        sum = 0;
        if (current is { } text && !(Utf8Parser.TryParse(text.Span, out sum, out var consumed) && consumed == text.Length))
            return Failure.NotApplied(ErrorCode.NotAnInteger, "the value that is to be incremented is no decimal integer of 64 bits");
        try
        {
            sum = checked(sum + by);
            return null;
        }
        catch (OverflowException)
        {
            return Failure.NotApplied(ErrorCode.NotAnInteger, $"{sum} and {by} make no integer of 64 bits");
        }
    }

    /// <summary>The bytes of a value.</summary>
    public static byte[] Encode(long value) => Encoding.ASCII.GetBytes(value.ToString(CultureInfo.InvariantCulture));
}
