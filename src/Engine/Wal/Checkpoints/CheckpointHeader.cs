using System.Buffers.Binary;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>
/// The start of a checkpoint file (little endian):
/// <code>
///  0  8    magic "GRDBCKP\n"
///  8  u16  format version (1)
/// 10  u16  0
/// 12  u32  bytes of this header: 64 + meta + 4
/// 16  i64  range id
/// 24  16   replica incarnation (big-endian GUID)
/// 40  u64  LSN: the state holds every record up to and including it
/// 48  u64  epoch of that record; 0 when the LSN is 0
/// 56  u32  bytes of meta
/// 60  u32  0
/// 64  ...  meta, the owner's
///     u32  crc32c over everything before
/// </code>
/// </summary>
internal readonly record struct CheckpointHeader(RangeId Range, Guid Incarnation, Lsn Lsn, Epoch Epoch, ReadOnlyMemory<byte> Meta)
{
    public const ushort Version = 1;
    public const int MaxMetaBytes = 16 << 20;
    public const int FixedBytes = 64;

    private static ReadOnlySpan<byte> Magic => "GRDBCKP\n"u8;

    public int Bytes => FixedBytes + Meta.Length + sizeof(uint);

    public void Encode(Span<byte> destination)
    {
        destination[..Bytes].Clear();
        Magic.CopyTo(destination);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[8..], Version);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[12..], (uint)Bytes);
        BinaryPrimitives.WriteInt64LittleEndian(destination[16..], Range.Value);
        _ = Incarnation.TryWriteBytes(destination[24..], bigEndian: true, out _);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[40..], Lsn.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[48..], Epoch.Value);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[56..], (uint)Meta.Length);
        Meta.Span.CopyTo(destination[FixedBytes..]);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[(Bytes - sizeof(uint))..], Crc32C.Compute(destination[..(Bytes - sizeof(uint))]));
    }

    /// <summary>Reads a header of any version that was ever written; <paramref name="problem"/> says why not.</summary>
    public static bool TryRead(IWalFile file, out CheckpointHeader header, out string problem)
    {
        header = default;
        problem = "not a checkpoint";
        var start = new byte[FixedBytes];
        if (file.Read(0, start) != start.Length || !start.AsSpan(0, Magic.Length).SequenceEqual(Magic)) return false;
        var total = BinaryPrimitives.ReadUInt32LittleEndian(start.AsSpan(12));
        var metaBytes = BinaryPrimitives.ReadUInt32LittleEndian(start.AsSpan(56));
        problem = "checkpoint header is damaged";
        if (metaBytes > MaxMetaBytes || total != FixedBytes + metaBytes + sizeof(uint)) return false;
        var all = new byte[total];
        if (file.Read(0, all) != all.Length) return false;
        var end = all.Length - sizeof(uint);
        if (BinaryPrimitives.ReadUInt32LittleEndian(all.AsSpan(end)) != Crc32C.Compute(all.AsSpan(0, end))) return false;
        var version = BinaryPrimitives.ReadUInt16LittleEndian(all.AsSpan(8));
        problem = $"checkpoint format version {version} is not known";
        if (version != Version) return false;
        problem = "";
        header = new(
            new(BinaryPrimitives.ReadInt64LittleEndian(all.AsSpan(16))),
            new(all.AsSpan(24, 16), bigEndian: true),
            new(BinaryPrimitives.ReadUInt64LittleEndian(all.AsSpan(40))),
            new(BinaryPrimitives.ReadUInt64LittleEndian(all.AsSpan(48))),
            all.AsMemory(FixedBytes, (int)metaBytes));
        return true;
    }
}
