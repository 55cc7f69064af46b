using System.Buffers.Binary;
using System.IO.Hashing;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>
/// The first bytes of a segment file (little endian):
/// <code>
///  0  8    magic "GRDBWAL\n"
///  8  u16  format version (1)
/// 10  u16  0
/// 12  u32  bytes of this header (72)
/// 16  i64  range id
/// 24  16   replica incarnation (big-endian GUID)
/// 40  u64  first LSN of the segment
/// 48  u64  epoch of the record before it; 0 when there is none
/// 56  u64  largest timestamp of all records before it
/// 64  u32  0
/// 68  u32  crc32c over bytes 0 to 67
/// </code>
/// A segment becomes visible under its name only after its header was synced (written under a temporary name, renamed), so
/// a bad header is never the trace of a crash.
/// </summary>
internal readonly record struct SegmentHeader(
    RangeId Range, Guid Incarnation, Lsn FirstLsn, Epoch PreviousEpoch, Timestamp PreviousTimestamp)
{
    public const int Bytes = 72;
    public const ushort Version = 1;

    private const int CrcOffset = 68;

    private static ReadOnlySpan<byte> Magic => "GRDBWAL\n"u8;

    /// <summary>Makes the frames of this segment unlike those of any other; see <see cref="BatchFrame"/>.</summary>
    public ulong Salt()
    {
        Span<byte> bytes = stackalloc byte[Bytes];
        Encode(bytes);
        return XxHash3.HashToUInt64(bytes[16..48]);
    }

    public void Encode(Span<byte> destination)
    {
        destination[..Bytes].Clear();
        Magic.CopyTo(destination);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[8..], Version);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[12..], Bytes);
        BinaryPrimitives.WriteInt64LittleEndian(destination[16..], Range.Value);
        _ = Incarnation.TryWriteBytes(destination[24..], bigEndian: true, out _);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[40..], FirstLsn.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[48..], PreviousEpoch.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[56..], PreviousTimestamp.Value);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[CrcOffset..], Crc32C.Compute(destination[..CrcOffset]));
    }

    /// <summary>The version of a sound header that only a newer program can read; null for any other.</summary>
    public static int? NewerVersionOf(ReadOnlySpan<byte> source) =>
        source.Length >= Bytes
        && source[..Magic.Length].SequenceEqual(Magic)
        && BinaryPrimitives.ReadUInt32LittleEndian(source[CrcOffset..]) == Crc32C.Compute(source[..CrcOffset])
        && BinaryPrimitives.ReadUInt16LittleEndian(source[8..]) is var version and > Version ? version : null;

    /// <summary>Reads a header of any version that was ever written.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> source, out SegmentHeader header, out string problem)
    {
        header = default;
        problem = "";
        if (source.Length < Bytes) problem = "shorter than a segment header";
        else if (!source[..Magic.Length].SequenceEqual(Magic)) problem = "not a log segment";
        else if (BinaryPrimitives.ReadUInt32LittleEndian(source[CrcOffset..]) != Crc32C.Compute(source[..CrcOffset])) problem = "segment header checksum does not match";
        else if (BinaryPrimitives.ReadUInt16LittleEndian(source[8..]) is var version && version != Version) problem = $"segment format version {version} is not known";
        if (problem.Length > 0) return false;
        header = new(
            new(BinaryPrimitives.ReadInt64LittleEndian(source[16..])),
            new(source[24..40], bigEndian: true),
            new(BinaryPrimitives.ReadUInt64LittleEndian(source[40..])),
            new(BinaryPrimitives.ReadUInt64LittleEndian(source[48..])),
            new(BinaryPrimitives.ReadUInt64LittleEndian(source[56..])));
        return true;
    }
}
