using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// A conflict as bytes.
/// <code>
/// u8 format version, 1 · varint length, key · u8 resolution · 16 bytes actor · varint counter (winner) · u64 at · varint losers
/// each: 16 bytes actor · varint counter · u64 timestamp · u8 deleted · three times varint length, bytes: field, media type, value
/// </code>
/// </summary>
internal static class ConflictRecordCodec
{
    private const byte Format = 1;
    private const int LeastLoserBytes = 29;

    public static byte[] Encode(ConflictRecord record)
    {
        var writer = new ByteWriter();
        writer.Byte(Format);
        writer.Bytes(record.Key.Span);
        writer.Byte((byte)record.Resolution);
        writer.Guid(record.Winner.Actor);
        writer.Varint(record.Winner.Counter);
        writer.UInt64(record.At.Value);
        writer.Varint((ulong)record.Losers.Count);
        foreach (var loser in record.Losers)
        {
            writer.Guid(loser.Dot.Actor);
            writer.Varint(loser.Dot.Counter);
            writer.UInt64(loser.Timestamp.Value);
            writer.Byte(loser.Deleted ? (byte)1 : (byte)0);
            writer.Bytes(loser.Field.Span);
            writer.Bytes(System.Text.Encoding.ASCII.GetBytes(loser.ContentType));
            writer.Bytes(loser.Value.Span);
        }

        return writer.ToArray();
    }

    public static ConflictRecord Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new ByteReader(bytes, "conflict");
        reader.Version(Format);
        var key = reader.Bytes();
        var resolution = (ConflictResolution)reader.Byte();
        var winner = new Dot(reader.Guid(), reader.Varint());
        var at = new Timestamp(reader.UInt64());
        var losers = new ConflictLoser[reader.Count(LeastLoserBytes)];
        for (var index = 0; index < losers.Length; index++)
        {
            losers[index] = new(
                new Dot(reader.Guid(), reader.Varint()),
                new Timestamp(reader.UInt64()),
                reader.Byte() != 0,
                reader.Bytes(),
                System.Text.Encoding.ASCII.GetString(reader.Bytes().Span),
                reader.Bytes());
        }

        reader.End();
        return new(key, resolution, winner, losers, at);
    }
}
