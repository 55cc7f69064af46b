using System.Buffers.Binary;
using System.Text;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Engine.Wal;

/// <summary>
/// One slot file (little endian, always 4096 bytes):
/// <code>
///  0  8    magic "GRDBHST\n"
///  8  u16  format version (1)
/// 10  u16  bytes of the candidate's node name
/// 12  u16  bytes of the extension
/// 14  u8   replica state
/// 15  u8   0
/// 16  i64  range id
/// 24  16   replica incarnation (big-endian GUID)
/// 40  u64  sequence; the larger one of two valid slots is the newer
/// 48  u64  promised epoch
/// 56  16   candidate's nonce (big-endian GUID)
/// 72  ...  node name, extension, zeros
/// 4092 u32 crc32c over everything before
/// </code>
/// </summary>
internal readonly record struct HardStateSlot(RangeId Range, Guid Incarnation, ulong Sequence, HardState State)
{
    public const int Bytes = 4096;
    public const int MaxNameBytes = 255;
    public const int FixedBytes = 72;

    private const ushort Version = 1;
    private const int CrcOffset = Bytes - sizeof(uint);

    private static ReadOnlySpan<byte> Magic => "GRDBHST\n"u8;

    public void Encode(Span<byte> destination)
    {
        var slot = destination[..Bytes];
        slot.Clear();
        var name = Encoding.UTF8.GetBytes(State.PromisedNode);
        Magic.CopyTo(slot);
        BinaryPrimitives.WriteUInt16LittleEndian(slot[8..], Version);
        BinaryPrimitives.WriteUInt16LittleEndian(slot[10..], (ushort)name.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(slot[12..], (ushort)State.Extension.Length);
        slot[14] = State.ReplicaState;
        BinaryPrimitives.WriteInt64LittleEndian(slot[16..], Range.Value);
        _ = Incarnation.TryWriteBytes(slot[24..], bigEndian: true, out _);
        BinaryPrimitives.WriteUInt64LittleEndian(slot[40..], Sequence);
        BinaryPrimitives.WriteUInt64LittleEndian(slot[48..], State.PromisedEpoch.Value);
        _ = State.PromisedNonce.TryWriteBytes(slot[56..], bigEndian: true, out _);
        name.CopyTo(slot[FixedBytes..]);
        State.Extension.Span.CopyTo(slot[(FixedBytes + name.Length)..]);
        BinaryPrimitives.WriteUInt32LittleEndian(slot[CrcOffset..], Crc32C.Compute(slot[..CrcOffset]));
    }

    /// <summary>The version of a sound slot that only a newer program can read; null for any other.</summary>
    public static int? NewerVersionOf(ReadOnlySpan<byte> slot) =>
        slot.Length == Bytes
        && slot[..Magic.Length].SequenceEqual(Magic)
        && BinaryPrimitives.ReadUInt32LittleEndian(slot[CrcOffset..]) == Crc32C.Compute(slot[..CrcOffset])
        && BinaryPrimitives.ReadUInt16LittleEndian(slot[8..]) is var version and > Version ? version : null;

    /// <summary>Reads a slot of any version that was ever written; null and a reason when it is none.</summary>
    public static HardStateSlot? TryDecode(ReadOnlySpan<byte> slot, out string problem)
    {
        problem = "";
        if (slot.Length != Bytes) problem = $"a hard state has {Bytes} bytes";
        else if (!slot[..Magic.Length].SequenceEqual(Magic)) problem = "not a hard state";
        else if (BinaryPrimitives.ReadUInt32LittleEndian(slot[CrcOffset..]) != Crc32C.Compute(slot[..CrcOffset])) problem = "checksum does not match";
        else if (BinaryPrimitives.ReadUInt16LittleEndian(slot[8..]) is var version && version != Version) problem = $"format version {version} is not known";
        if (problem.Length > 0) return null;
        var nameBytes = BinaryPrimitives.ReadUInt16LittleEndian(slot[10..]);
        var extensionBytes = BinaryPrimitives.ReadUInt16LittleEndian(slot[12..]);
        if (FixedBytes + nameBytes + extensionBytes > CrcOffset)
        {
            problem = "lengths exceed the slot";
            return null;
        }

        var state = new HardState(
            new(BinaryPrimitives.ReadUInt64LittleEndian(slot[48..])),
            Encoding.UTF8.GetString(slot.Slice(FixedBytes, nameBytes)),
            new(slot[56..72], bigEndian: true),
            slot[14],
            slot.Slice(FixedBytes + nameBytes, extensionBytes).ToArray());
        return new(
            new(BinaryPrimitives.ReadInt64LittleEndian(slot[16..])),
            new(slot[24..40], bigEndian: true),
            BinaryPrimitives.ReadUInt64LittleEndian(slot[40..]),
            state);
    }
}
