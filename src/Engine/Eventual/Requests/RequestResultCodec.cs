using System.Text;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// The result of a write that may be repeated, as bytes.
/// <code>
/// u8 format version, 1 · bytes idempotency key (ASCII) · u64 low, u64 high half of the request's hash · bytes answer
/// 16 bytes actor · varint counter · u64 timestamp · u8 existed · bytes context
/// </code>
/// </summary>
internal static class RequestResultCodec
{
    private const byte Format = 1;

    public static byte[] Encode(RequestResult result)
    {
        var writer = new ByteWriter();
        writer.Byte(Format);
        writer.Bytes(Encoding.ASCII.GetBytes(result.Stamp.Key));
        writer.UInt64((ulong)result.Stamp.RequestHash);
        writer.UInt64((ulong)(result.Stamp.RequestHash >> 64));
        writer.Bytes(result.Stamp.Answer.Span);
        writer.Guid(result.Dot.Actor);
        writer.Varint(result.Dot.Counter);
        writer.UInt64(result.Version.Value);
        writer.Byte(result.Existed ? (byte)1 : (byte)0);
        writer.Bytes(result.Context.Span);
        return writer.ToArray();
    }

    public static RequestResult Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new ByteReader(bytes, "result of a request");
        reader.Version(Format);
        var key = Encoding.ASCII.GetString(reader.Bytes().Span);
        var low = reader.UInt64();
        var hash = new UInt128(reader.UInt64(), low);
        var answer = reader.Bytes().ToArray();
        var dot = new Dot(reader.Guid(), reader.Varint());
        var version = new Timestamp(reader.UInt64());
        var existed = reader.Byte() != 0;
        var context = reader.Bytes().ToArray();
        reader.End();
        return new(new IdempotencyStamp(key, hash, answer), dot, version, existed, context);
    }
}
