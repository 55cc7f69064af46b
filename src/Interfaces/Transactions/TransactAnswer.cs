using GrainDb.Interfaces.Keys;

namespace GrainDb.Interfaces.Transactions;

/// <summary>
/// What a one-request transaction found and made, as it is stored with its idempotency key so that a repetition gets the same answer. Whoever
/// evaluates the transaction encodes it before anything is proposed, and refuses the transaction as <see cref="Errors.ErrorCode.TransactionTooLarge"/>
/// when it does not fit: an answer that could not be given twice is not given once. Keys are the user's keys.
/// <code>
/// bytes  field (integers little-endian, lengths and counts as 7-bit groups, low first)
///     1  version, 1
///     n  number of reads, then per read
///     1    0: no such key, 1: a key, 2: an interval
///     n    of a key: one row; of an interval: number of rows, then the rows
///     n  number of writes, then per write
///     1    0: no increment, 1: an increment
///     8    of an increment: the new value
///
/// of a row: key length and key, version (8), length and UTF-8 of the media type, value length and value
/// </code>
/// </summary>
public static class TransactAnswer
{
    /// <summary>Most writes of a one-request transaction with an idempotency key: so many increments fit in any answer without reads.</summary>
    public const int MaxWrites = (TransactionLimits.MaxIdempotencyAnswerBytes - 16) / 9;

    private const byte Version = 1;
    private const byte NoKey = 0;
    private const byte Key = 1;
    private const byte Interval = 2;

    /// <summary>Encodes the results of a transaction.</summary>
    /// <param name="reads">One per read, in order.</param>
    /// <param name="increments">The new value per write, in order; null but for increments.</param>
    /// <param name="answer">At most <see cref="TransactionLimits.MaxIdempotencyAnswerBytes"/>; empty when it does not fit.</param>
    /// <returns>Whether it fits.</returns>
    public static bool TryEncode(IReadOnlyList<TransactFound> reads, IReadOnlyList<long?> increments, out byte[] answer)
    {
        ArgumentNullException.ThrowIfNull(reads);
        ArgumentNullException.ThrowIfNull(increments);
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(Version);
        writer.Write7BitEncodedInt(reads.Count);
        answer = [];
        foreach (var read in reads)
        {
            if (!TryWrite(writer, read))
                return false;
        }

        writer.Write7BitEncodedInt(increments.Count);
        foreach (var increment in increments)
        {
            writer.Write(increment.HasValue);
            if (increment is { } value)
                writer.Write(value);
            if (!Fits(stream, 0))
                return false;
        }

        if (!Fits(stream, 0))
            return false;
        answer = stream.ToArray();
        return true;
    }

    /// <summary>Reads what <see cref="TryEncode"/> wrote.</summary>
    /// <returns>False: these bytes are no such answer.</returns>
    public static bool TryDecode(ReadOnlyMemory<byte> answer, out IReadOnlyList<TransactFound> reads, out IReadOnlyList<long?> increments)
    {
        (reads, increments) = ([], []);
        using var stream = new MemoryStream(answer.ToArray(), writable: false);
        using var reader = new BinaryReader(stream);
        try
        {
            if (reader.ReadByte() != Version)
                return false;
            var found = ReadMany(reader, ReadFound);
            var values = ReadMany<long?>(reader, static reader => reader.ReadBoolean() ? reader.ReadInt64() : null);
            if (stream.Position != stream.Length)
                return false;
            (reads, increments) = (found, values);
            return true;
        }
        catch (Exception exception) when (exception is EndOfStreamException or FormatException or IOException)
        {
            return false;
        }
    }

    private static bool TryWrite(BinaryWriter writer, TransactFound read)
    {
        if (read.Rows is { } rows)
        {
            writer.Write(Interval);
            writer.Write7BitEncodedInt(rows.Count);
            foreach (var row in rows)
            {
                if (!TryWrite(writer, row))
                    return false;
            }

            return true;
        }

        writer.Write(read.Item is null ? NoKey : Key);
        return read.Item is not { } item || TryWrite(writer, item);
    }

    /// <summary>Looks at the size first: a row that does not fit is not copied.</summary>
    private static bool TryWrite(BinaryWriter writer, ScanItem row)
    {
        if (!Fits(writer.BaseStream, (long)row.Key.Length + row.Value.Length))
            return false;
        writer.Write7BitEncodedInt(row.Key.Length);
        writer.Write(row.Key.Span);
        writer.Write(row.Version.Value);
        writer.Write(row.ContentType);
        writer.Write7BitEncodedInt(row.Value.Length);
        writer.Write(row.Value.Span);
        return true;
    }

    private static bool Fits(Stream written, long more) => written.Length + more <= TransactionLimits.MaxIdempotencyAnswerBytes;

    private static TransactFound ReadFound(BinaryReader reader) => reader.ReadByte() switch
    {
        NoKey => new TransactFound(),
        Key => new TransactFound { Item = ReadRow(reader) },
        Interval => new TransactFound { Rows = ReadMany(reader, ReadRow) },
        _ => throw new FormatException("not a read"),
    };

    private static ScanItem ReadRow(BinaryReader reader) =>
        new(ReadBytes(reader), new Timestamp(reader.ReadUInt64()), reader.ReadString(), ReadBytes(reader));

    private static byte[] ReadBytes(BinaryReader reader)
    {
        var length = ReadCount(reader);
        var bytes = reader.ReadBytes(length);
        return bytes.Length == length ? bytes : throw new EndOfStreamException();
    }

    private static T[] ReadMany<T>(BinaryReader reader, Func<BinaryReader, T> read)
    {
        var items = new T[ReadCount(reader)];
        for (var i = 0; i < items.Length; i++)
            items[i] = read(reader);
        return items;
    }

    /// <summary>Everything counted takes at least a byte, so that damage cannot ask for more memory than the answer has bytes.</summary>
    private static int ReadCount(BinaryReader reader)
    {
        var count = reader.Read7BitEncodedInt();
        return count >= 0 && count <= reader.BaseStream.Length - reader.BaseStream.Position ? count : throw new EndOfStreamException();
    }
}
