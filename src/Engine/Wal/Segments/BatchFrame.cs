using System.Buffers.Binary;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>What a frame announces. The numbers are the markers on the disk (ASCII, little endian).</summary>
internal enum BatchFrameKind : uint
{
    /// <summary>"BTCH": records that were written, and made durable, together.</summary>
    Batch = 0x48435442,

    /// <summary>"CLOS": the log was closed; everything before was durable. Bears no records.</summary>
    Close = 0x534F4C43,

    /// <summary>"SEAL": the segment is complete, and a following one exists. Bears no records.</summary>
    Seal = 0x4C414553,
}

/// <summary>
/// The header in front of every append to a segment (little endian):
/// <code>
///  0  u32  marker       kind; 0 = end of the log
///  4  u32  crc32c       over the segment's salt (u64) and bytes 8 to 23
///  8  u64  first LSN    of the records that follow; of the next record for Close and Seal
/// 16  u32  records      0 for Close and Seal
/// 20  u32  bytes        of the records, padding included
/// </code>
/// Why it exists: a frame is written only after the frame before it was made durable. So whatever order a disk writes the
/// pages of an unfinished append in, no later frame can follow the damage that a crash leaves; a valid later frame behind damage
/// proves that acknowledged bytes were lost. The records alone cannot tell: a valid record behind a hole may belong to the
/// same unfinished append. The salt ties a frame to its segment: bytes of another log, or of a
/// user's value, are no frame.
/// </summary>
internal readonly record struct BatchFrame(BatchFrameKind Kind, Lsn FirstLsn, int Records, int RecordBytes)
{
    public const int Bytes = 24;

    public Lsn NextLsn => new(FirstLsn.Value + (ulong)Records);

    public void Encode(Span<byte> destination, ulong salt)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, (uint)Kind);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], FirstLsn.Value);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[16..], (uint)Records);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[20..], (uint)RecordBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], Crc(destination, salt));
    }

    public static bool TryDecode(ReadOnlySpan<byte> source, ulong salt, out BatchFrame frame)
    {
        frame = default;
        if (source.Length < Bytes) return false;
        var kind = (BatchFrameKind)BinaryPrimitives.ReadUInt32LittleEndian(source);
        if (kind is not (BatchFrameKind.Batch or BatchFrameKind.Close or BatchFrameKind.Seal)) return false;
        if (BinaryPrimitives.ReadUInt32LittleEndian(source[4..]) != Crc(source, salt)) return false;
        var records = BinaryPrimitives.ReadUInt32LittleEndian(source[16..]);
        var bytes = BinaryPrimitives.ReadUInt32LittleEndian(source[20..]);
        if (bytes > WalBatch.MaxBytes || records > bytes || (kind == BatchFrameKind.Batch) != (records > 0)) return false;
        frame = new(kind, new(BinaryPrimitives.ReadUInt64LittleEndian(source[8..])), (int)records, (int)bytes);
        return true;
    }

    private static uint Crc(ReadOnlySpan<byte> frame, ulong salt) =>
        Crc32C.Finish(Crc32C.Append(Crc32C.Append(Crc32C.Start, salt), frame[8..Bytes]));
}
