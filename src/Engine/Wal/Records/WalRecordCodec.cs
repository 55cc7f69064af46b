using System.Buffers.Binary;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>
/// The bytes of one record, on disk and on the wire (little endian):
/// <code>
///  0  u32  length   bytes of the record without its padding: 34 + payload; never 0
///  4  u32  crc32c   over the length and all bytes from 8 to the length
///  8  u8   type
///  9  u8   flags
/// 10  u64  epoch
/// 18  u64  lsn
/// 26  u64  timestamp
/// 34  ...  payload
///     ...  zeros up to the next multiple of 8
/// </code>
/// The length is under the CRC too, and padding that is not zero makes the record bad: every flipped bit is seen.
/// </summary>
public static class WalRecordCodec
{
    /// <summary>Bytes before the payload.</summary>
    public const int HeaderBytes = 34;

    /// <summary>Records begin at multiples of this.</summary>
    public const int Alignment = 8;

    /// <summary>Largest payload: the largest transaction (16 MiB) with ample room for its framing.</summary>
    public const int MaxPayloadBytes = 32 << 20;

    private const int CrcOffset = 4;
    private const int TypeOffset = 8;
    private const int FlagsOffset = 9;
    private const int EpochOffset = 10;
    private const int LsnOffset = 18;
    private const int TimestampOffset = 26;

    /// <summary>Bytes that a record with a payload of this size takes, padding included.</summary>
    public static int EncodedBytes(int payloadLength) => Align(HeaderBytes + payloadLength);

    /// <summary>
    /// Writes header and CRC around a payload that already stands at <see cref="HeaderBytes"/> of <paramref name="record"/>.
    /// </summary>
    /// <param name="record">Exactly <see cref="EncodedBytes"/> bytes of the record.</param>
    /// <param name="payloadLength">Bytes of the payload.</param>
    /// <param name="type">See <see cref="WalRecord"/>.</param>
    /// <param name="flags">See <see cref="WalRecord"/>.</param>
    /// <param name="epoch">See <see cref="WalRecord"/>.</param>
    /// <param name="lsn">See <see cref="WalRecord"/>.</param>
    /// <param name="timestamp">See <see cref="WalRecord"/>.</param>
    public static void Seal(Span<byte> record, int payloadLength, byte type, byte flags, Epoch epoch, Lsn lsn, Timestamp timestamp)
    {
        var length = HeaderBytes + payloadLength;
        BinaryPrimitives.WriteUInt32LittleEndian(record, (uint)length);
        record[TypeOffset] = type;
        record[FlagsOffset] = flags;
        BinaryPrimitives.WriteUInt64LittleEndian(record[EpochOffset..], epoch.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(record[LsnOffset..], lsn.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(record[TimestampOffset..], timestamp.Value);
        record[length..].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(record[CrcOffset..], Crc(record[..length]));
    }

    /// <summary>Reads the record at the start of <paramref name="source"/>. The payload is a slice of it, not a copy.</summary>
    /// <param name="source">Bytes from the record's start; what follows is not looked at.</param>
    /// <param name="record">The record.</param>
    /// <param name="encodedBytes">What it takes, padding included.</param>
    /// <param name="problem">Why it is not a record, when the result is false.</param>
    /// <returns>Whether a whole and undamaged record stands there.</returns>
    public static bool TryDecode(ReadOnlyMemory<byte> source, out WalRecord record, out int encodedBytes, out string problem)
    {
        record = default;
        if (!TryVerify(source.Span, out encodedBytes, out problem)) return false;
        record = DecodeChecked(source, out _);
        return true;
    }

    /// <summary>Reads a record whose bytes were checked before.</summary>
    internal static WalRecord DecodeChecked(ReadOnlyMemory<byte> source, out int encodedBytes)
    {
        var span = source.Span;
        var length = (int)BinaryPrimitives.ReadUInt32LittleEndian(span);
        encodedBytes = Align(length);
        return new(span[TypeOffset], span[FlagsOffset], EpochOf(span), LsnOf(span), TimestampOf(span), source[HeaderBytes..length]);
    }

    /// <summary>Bytes that the record at the start of <paramref name="source"/> takes by its own word; false when that is no possible length.</summary>
    internal static bool TryReadSize(ReadOnlySpan<byte> source, out int encodedBytes)
    {
        encodedBytes = 0;
        if (source.Length < sizeof(uint)) return false;
        var length = BinaryPrimitives.ReadUInt32LittleEndian(source);
        if (length is < HeaderBytes or > HeaderBytes + MaxPayloadBytes) return false;
        encodedBytes = Align((int)length);
        return true;
    }

    /// <summary>The checks of <see cref="TryDecode"/> alone.</summary>
    internal static bool TryVerify(ReadOnlySpan<byte> source, out int encodedBytes, out string problem)
    {
        if (!TryReadSize(source, out encodedBytes))
        {
            problem = "no possible record length";
            return false;
        }

        if (encodedBytes > source.Length)
        {
            problem = "record longer than what is there";
            return false;
        }

        var length = (int)BinaryPrimitives.ReadUInt32LittleEndian(source);
        var sound = BinaryPrimitives.ReadUInt32LittleEndian(source[CrcOffset..]) == Crc(source[..length])
            && !source[length..encodedBytes].ContainsAnyExcept((byte)0);
        problem = sound ? "" : "record checksum does not match";
        return sound;
    }

    internal static byte TypeOf(ReadOnlySpan<byte> record) => record[TypeOffset];

    internal static Epoch EpochOf(ReadOnlySpan<byte> record) => new(BinaryPrimitives.ReadUInt64LittleEndian(record[EpochOffset..]));

    internal static Lsn LsnOf(ReadOnlySpan<byte> record) => new(BinaryPrimitives.ReadUInt64LittleEndian(record[LsnOffset..]));

    internal static Timestamp TimestampOf(ReadOnlySpan<byte> record) => new(BinaryPrimitives.ReadUInt64LittleEndian(record[TimestampOffset..]));

    private static uint Crc(ReadOnlySpan<byte> record)
    {
        var running = Crc32C.Append(Crc32C.Start, BinaryPrimitives.ReadUInt32LittleEndian(record));
        return Crc32C.Finish(Crc32C.Append(running, record[TypeOffset..]));
    }

    private static int Align(int length) => (length + Alignment - 1) & -Alignment;
}
