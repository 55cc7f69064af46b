using System.Buffers;
using System.Text;
using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// What a one-request transaction read and counted, as it is stored with an idempotency key to be answered again. Little-endian.
/// <code>
/// u8  version (1)
/// u16 increments, each: u8 1 with a value, 0 without | i64 value, with 1
/// u16 reads, each:      u8 0 absent, 1 row, 2 rows   | row, with 1 | u16 count and rows, with 2
/// row                   u16 key length, key | u64 version | u8 media type length, media type (ASCII) | u32 value length, value
/// </code>
/// </summary>
public static class TransactAnswerCodec
{
    private const byte Version = 1;
    private const byte Absent = 0;
    private const byte One = 1;
    private const byte Many = 2;

    /// <summary>Encodes reads and increments.</summary>
    /// <exception cref="OverflowException">A count or length does not fit: far beyond every bound of transactions.</exception>
    public static byte[] Encode(IReadOnlyList<TransactFound> reads, IReadOnlyList<long?> increments)
    {
        ArgumentNullException.ThrowIfNull(reads);
        ArgumentNullException.ThrowIfNull(increments);
        var buffer = new ArrayBufferWriter<byte>();
        var output = new PayloadWriter(buffer);
        output.Byte(Version);
        output.UInt16(increments.Count);
        foreach (var increment in increments)
        {
            output.Byte((byte)(increment is null ? 0 : 1));
            if (increment is { } value)
                output.Int64(value);
        }

        output.UInt16(reads.Count);
        foreach (var read in reads)
        {
            output.Byte(read.Rows is not null ? Many : read.Item is not null ? One : Absent);
            if (read.Rows is { } rows)
            {
                output.UInt16(rows.Count);
                foreach (var row in rows)
                    WriteRow(row, output);
            }
            else if (read.Item is { } item)
            {
                WriteRow(item, output);
            }
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Reads what <see cref="Encode"/> wrote; values share its memory.</summary>
    /// <exception cref="InvalidDataException">It is something else.</exception>
    public static (IReadOnlyList<TransactFound> Reads, IReadOnlyList<long?> Increments) Decode(ReadOnlyMemory<byte> answer)
    {
        var input = new PayloadReader(answer, "the stored answer of a transaction");
        if (input.Byte() is var version and not Version)
            throw new InvalidDataException($"the stored answer of a transaction has version {version}; this program reads {Version}");
        var increments = new long?[input.UInt16()];
        for (var i = 0; i < increments.Length; i++)
            increments[i] = input.Flags(1) == 0 ? null : input.Int64();
        var reads = new TransactFound[input.UInt16()];
        for (var i = 0; i < reads.Length; i++)
        {
            reads[i] = input.Byte() switch
            {
                Absent => new TransactFound(),
                One => new TransactFound { Item = ReadRow(input) },
                Many => new TransactFound { Rows = ReadRows(input) },
                var kind => throw new InvalidDataException($"the stored answer of a transaction has a read of kind {kind}"),
            };
        }

        input.End();
        return (reads, increments);
    }

    private static void WriteRow(ScanItem row, PayloadWriter output)
    {
        output.UInt16(row.Key.Length);
        output.Bytes(row.Key.Span);
        output.Timestamp(row.Version);
        output.Byte(checked((byte)row.ContentType.Length));
        output.Bytes(Encoding.ASCII.GetBytes(row.ContentType));
        output.Int32(row.Value.Length);
        output.Bytes(row.Value.Span);
    }

    private static ScanItem ReadRow(PayloadReader input)
    {
        var key = input.Bytes(input.UInt16());
        var version = input.Timestamp();
        var contentType = Encoding.ASCII.GetString(input.Bytes(input.Byte()).Span);
        return new(key, version, contentType, input.Bytes(input.Int32()));
    }

    private static ScanItem[] ReadRows(PayloadReader input)
    {
        var rows = new ScanItem[input.UInt16()];
        for (var i = 0; i < rows.Length; i++)
            rows[i] = ReadRow(input);
        return rows;
    }
}
