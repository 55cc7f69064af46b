using System.Text;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// The answer of a one-request transaction as it is kept with its idempotency key, so that a repetition is answered with what was read and made then:
/// <code>
/// u8   format     1
/// u16  reads, each
///        u8  0 key not found, 1 key found, 2 interval
///        1: item    2: u32 count, items
/// u16  increments, each
///        u8  0 none, 1 with i64
/// item: u64 version, string media type, bytes key, bytes value; lengths are 7-bit encoded
/// </code>
/// little-endian.
/// </summary>
public static class TransactAnswer
{
    private const byte Format = 1;
    private const byte KeyNotFound = 0;
    private const byte KeyFound = 1;
    private const byte Interval = 2;

    /// <summary>The bytes of an answer.</summary>
    /// <param name="reads">What was read.</param>
    /// <param name="increments">What increments made.</param>
    /// <param name="answer">The bytes.</param>
    /// <returns>Why they cannot be kept; null when they can.</returns>
    public static Failure? TryEncode(IReadOnlyList<TransactFound> reads, IReadOnlyList<long?> increments, out byte[] answer)
    {
        ArgumentNullException.ThrowIfNull(reads);
        ArgumentNullException.ThrowIfNull(increments);
        using var stream = new MemoryStream();
        using (var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true))
        {
            writer.Write(Format);
            writer.Write(checked((ushort)reads.Count));
            foreach (var found in reads)
                Write(writer, found);
            writer.Write(checked((ushort)increments.Count));
            foreach (var increment in increments)
            {
                writer.Write(increment is not null);
                if (increment is { } value)
                    writer.Write(value);
            }
        }

        answer = stream.ToArray();
        return answer.Length > TransactionLimits.MaxIdempotencyAnswerBytes
            ? Failure.NotApplied(
                ErrorCode.TransactionTooLarge,
                $"the answer that would be kept with the idempotency key has {answer.Length} bytes, the limit is {TransactionLimits.MaxIdempotencyAnswerBytes}")
            : null;
    }

    /// <summary>Reads an answer.</summary>
    /// <exception cref="InvalidDataException">It is none of this format.</exception>
    public static (IReadOnlyList<TransactFound> Reads, IReadOnlyList<long?> Increments) Decode(ReadOnlyMemory<byte> answer)
    {
        try
        {
            using var reader = new BinaryReader(new MemoryStream(answer.ToArray()), Encoding.UTF8);
            if (reader.ReadByte() != Format)
                throw new InvalidDataException("a kept answer of an unknown format");
            var reads = new TransactFound[reader.ReadUInt16()];
            for (var i = 0; i < reads.Length; i++)
                reads[i] = ReadFound(reader);
            var increments = new long?[reader.ReadUInt16()];
            for (var i = 0; i < increments.Length; i++)
                increments[i] = reader.ReadBoolean() ? reader.ReadInt64() : null;
            return (reads, increments);
        }
        catch (EndOfStreamException exception)
        {
            throw new InvalidDataException("a kept answer ends too early", exception);
        }
    }

    private static void Write(BinaryWriter writer, TransactFound found)
    {
        if (found.Rows is { } rows)
        {
            writer.Write(Interval);
            writer.Write(rows.Count);
            foreach (var row in rows)
                Write(writer, row);
        }
        else if (found.Item is { } item)
        {
            writer.Write(KeyFound);
            Write(writer, item);
        }
        else
        {
            writer.Write(KeyNotFound);
        }
    }

    private static void Write(BinaryWriter writer, ScanItem item)
    {
        writer.Write(item.Version.Value);
        writer.Write(item.ContentType);
        writer.Write7BitEncodedInt(item.Key.Length);
        writer.Write(item.Key.Span);
        writer.Write7BitEncodedInt(item.Value.Length);
        writer.Write(item.Value.Span);
    }

    private static TransactFound ReadFound(BinaryReader reader)
    {
        switch (reader.ReadByte())
        {
            case KeyNotFound:
                return new TransactFound();
            case KeyFound:
                return new TransactFound { Item = ReadItem(reader) };
            case Interval:
                var rows = new ScanItem[Math.Min(reader.ReadInt32(), TransactionLimits.MaxIdempotencyAnswerBytes)];
                for (var i = 0; i < rows.Length; i++)
                    rows[i] = ReadItem(reader);
                return new TransactFound { Rows = rows };
            case var kind:
                throw new InvalidDataException($"a kept answer with a read of kind {kind}");
        }
    }

    private static ScanItem ReadItem(BinaryReader reader)
    {
        var version = new Timestamp(reader.ReadUInt64());
        var contentType = reader.ReadString();
        var key = reader.ReadBytes(reader.Read7BitEncodedInt());
        return new ScanItem(key, version, contentType, reader.ReadBytes(reader.Read7BitEncodedInt()));
    }
}
