using System.Buffers.Binary;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>
/// Blocks and the end of a checkpoint file (little endian). A block: <c>length u32 (never 0) | crc32c u32 | bytes</c>, the
/// CRC over the block's number (u64, from 0), the length and the bytes, so that blocks cannot change places. The end:
/// <code>
///  0  u32  0, where a block has its length
///  4  u32  crc32c over bytes 8 to 39
///  8  u64  number of blocks
/// 16  u64  bytes of all blocks, without their headers
/// 24  u64  LSN, as in the header
/// 32  8    magic "GRDBCKE\n"
/// </code>
/// </summary>
internal readonly record struct CheckpointFooter(long Blocks, long BlockBytes, Lsn Lsn)
{
    public const int Bytes = 40;
    public const int BlockHeaderBytes = 8;

    private static ReadOnlySpan<byte> Magic => "GRDBCKE\n"u8;

    public void Encode(Span<byte> destination)
    {
        destination[..Bytes].Clear();
        BinaryPrimitives.WriteInt64LittleEndian(destination[8..], Blocks);
        BinaryPrimitives.WriteInt64LittleEndian(destination[16..], BlockBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[24..], Lsn.Value);
        Magic.CopyTo(destination[32..]);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], Crc32C.Compute(destination[8..Bytes]));
    }

    public static bool TryDecode(ReadOnlySpan<byte> source, out CheckpointFooter footer)
    {
        footer = default;
        if (source.Length < Bytes || !source[32..Bytes].SequenceEqual(Magic)) return false;
        if (BinaryPrimitives.ReadUInt32LittleEndian(source) != 0) return false;
        if (BinaryPrimitives.ReadUInt32LittleEndian(source[4..]) != Crc32C.Compute(source[8..Bytes])) return false;
        footer = new(
            BinaryPrimitives.ReadInt64LittleEndian(source[8..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[16..]),
            new(BinaryPrimitives.ReadUInt64LittleEndian(source[24..])));
        return true;
    }

    public static uint BlockCrc(long number, ReadOnlySpan<byte> block)
    {
        var running = Crc32C.Append(Crc32C.Append(Crc32C.Start, (ulong)number), (uint)block.Length);
        return Crc32C.Finish(Crc32C.Append(running, block));
    }
}
