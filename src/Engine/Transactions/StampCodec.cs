using System.Text;
using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// An idempotency stamp inside a payload:
/// <code>
/// u8 key length, key (ASCII) | u128 hash of the request | u32 answer length, answer
/// </code>
/// </summary>
internal static class StampCodec
{
    public static void Write(IdempotencyStamp stamp, PayloadWriter output)
    {
        output.Byte(checked((byte)stamp.Key.Length));
        output.Bytes(Encoding.ASCII.GetBytes(stamp.Key));
        output.UInt128(stamp.RequestHash);
        output.Int32(stamp.Answer.Length);
        output.Bytes(stamp.Answer.Span);
    }

    /// <exception cref="InvalidDataException">It breaks a bound.</exception>
    public static IdempotencyStamp Read(PayloadReader input)
    {
        var key = input.Bytes(input.Byte()).Span;
        if (key.IsEmpty || !Ascii.IsValid(key))
            throw new InvalidDataException("an idempotency key is empty or not ASCII");
        var hash = input.UInt128();
        var length = input.Int32();
        if (length > TransactionLimits.MaxIdempotencyAnswerBytes)
            throw new InvalidDataException($"an idempotent answer has {length} bytes, the limit is {TransactionLimits.MaxIdempotencyAnswerBytes}");
        return new(Encoding.ASCII.GetString(key), hash, input.Bytes(length));
    }
}
