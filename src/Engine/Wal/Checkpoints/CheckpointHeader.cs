using System.Buffers.Binary;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>
/// The start of a checkpoint file (little endian):
/// <code>
///  0  8    magic "GRDBCKP\n"
///  8  u16  format version (2)
/// 10  u16  0
/// 12  u32  bytes of this header: 72 + meta + 4
/// 16  i64  range id
/// 24  16   replica incarnation (big-endian GUID)
/// 40  u64  LSN: the state holds every record up to and including it
/// 48  u64  epoch of that record; 0 when the LSN is 0
/// 56  u32  bytes of meta
/// 60  u32  0
/// 64  u64  no record up to the LSN has a larger timestamp
/// 72  ...  meta, the owner's
///     u32  crc32c over everything before
/// </code>
/// Version 1 has no timestamp: its meta begins at 64.
/// </summary>
/// <param name="Range">The range.</param>
/// <param name="Incarnation">The replica.</param>
/// <param name="Lsn">The state holds every record up to and including it.</param>
/// <param name="Epoch">The epoch of that record.</param>
/// <param name="Timestamp">Null in a header of version 1.</param>
/// <param name="Meta">The owner's.</param>
internal readonly record struct CheckpointHeader(RangeId Range, Guid Incarnation, Lsn Lsn, Epoch Epoch, Timestamp? Timestamp, ReadOnlyMemory<byte> Meta)
{
    public const ushort Version = 2;
    public const int MaxMetaBytes = 16 << 20;

    private const ushort VersionWithoutTimestamp = 1;
    private const int TimestampOffset = 64;
    private const int FixedBytesWithoutTimestamp = 64;
    private const int FixedBytes = 72;

    private static ReadOnlySpan<byte> Magic => "GRDBCKP\n"u8;

    public int Bytes => (Timestamp is null ? FixedBytesWithoutTimestamp : FixedBytes) + Meta.Length + sizeof(uint);

    /// <summary>Writes a header of the newest version.</summary>
    public void Encode(Span<byte> destination)
    {
        if (Timestamp is not { } timestamp) throw new InvalidOperationException("a new checkpoint has a timestamp");
        destination[..Bytes].Clear();
        Magic.CopyTo(destination);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[8..], Version);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[12..], (uint)Bytes);
        BinaryPrimitives.WriteInt64LittleEndian(destination[16..], Range.Value);
        _ = Incarnation.TryWriteBytes(destination[24..], bigEndian: true, out _);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[40..], Lsn.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[48..], Epoch.Value);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[56..], (uint)Meta.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[TimestampOffset..], timestamp.Value);
        Meta.Span.CopyTo(destination[FixedBytes..]);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[(Bytes - sizeof(uint))..], Crc32C.Compute(destination[..(Bytes - sizeof(uint))]));
    }

    /// <summary>Reads a header of any version that was ever written; <paramref name="problem"/> says why not.</summary>
    public static bool TryRead(IWalFile file, out CheckpointHeader header, out string problem) => TryRead(file, out header, out problem, out _);

    /// <summary>The same; <paramref name="newer"/> is the version of a sound header that only a newer program can read.</summary>
    public static bool TryRead(IWalFile file, out CheckpointHeader header, out string problem, out int? newer)
    {
        header = default;
        newer = null;
        problem = "not a checkpoint";
        var start = new byte[FixedBytesWithoutTimestamp];
        if (file.Read(0, start) != start.Length || !start.AsSpan(0, Magic.Length).SequenceEqual(Magic)) return false;
        var total = BinaryPrimitives.ReadUInt32LittleEndian(start.AsSpan(12));
        problem = "checkpoint header is damaged";
        if (total is < FixedBytesWithoutTimestamp + sizeof(uint) or > FixedBytes + MaxMetaBytes + sizeof(uint)) return false;
        var all = new byte[total];
        if (file.Read(0, all) != all.Length) return false;
        var end = all.Length - sizeof(uint);
        if (BinaryPrimitives.ReadUInt32LittleEndian(all.AsSpan(end)) != Crc32C.Compute(all.AsSpan(0, end))) return false;
        var version = BinaryPrimitives.ReadUInt16LittleEndian(all.AsSpan(8));
        problem = $"checkpoint format version {version} is not known";
        if (version > Version) newer = version;
        if (version is not (Version or VersionWithoutTimestamp)) return false;
        var hasTimestamp = version != VersionWithoutTimestamp;
        var fixedBytes = hasTimestamp ? FixedBytes : FixedBytesWithoutTimestamp;
        problem = "checkpoint header has no possible length";
        if (BinaryPrimitives.ReadUInt32LittleEndian(all.AsSpan(56)) != end - fixedBytes) return false;
        problem = "";
        header = new(
            new(BinaryPrimitives.ReadInt64LittleEndian(all.AsSpan(16))),
            new(all.AsSpan(24, 16), bigEndian: true),
            new(BinaryPrimitives.ReadUInt64LittleEndian(all.AsSpan(40))),
            new(BinaryPrimitives.ReadUInt64LittleEndian(all.AsSpan(48))),
            hasTimestamp ? new Timestamp(BinaryPrimitives.ReadUInt64LittleEndian(all.AsSpan(TimestampOffset))) : null,
            all.AsMemory(fixedBytes, end - fixedBytes));
        return true;
    }
}
