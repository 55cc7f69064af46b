using System.Buffers.Binary;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Engine.Wal;

/// <summary>
/// A small file whose existence means that a change of several files was decided and has to be completed (little endian):
/// <code>
///  0  8    magic, of the change
///  8  u16  format version (1)
/// 10  u16  0
/// 12  u32  0
/// 16  i64  range id
/// 24  16   replica incarnation (big-endian GUID)
/// 40  u64  argument of the change
/// 48  u32  0
/// 52  u32  crc32c over bytes 0 to 51
/// </code>
/// </summary>
internal static class IntentFile
{
    private const ushort Version = 1;
    private const int Bytes = 56;
    private const int CrcOffset = 52;

    /// <summary>Writes the file; durable, and so decided, when it returns.</summary>
    /// <exception cref="DiskFullException">There is no room; nothing happened.</exception>
    public static void Write(IWalFileSystem fileSystem, string path, ReadOnlySpan<byte> magic, RangeId range, Guid incarnation, ulong argument)
    {
        var bytes = new byte[Bytes];
        magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(8), Version);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16), range.Value);
        _ = incarnation.TryWriteBytes(bytes.AsSpan(24), bigEndian: true, out _);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(40), argument);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(CrcOffset), Crc32C.Compute(bytes.AsSpan(0, CrcOffset)));
        using (var file = fileSystem.Create(path + WalFileNames.TemporarySuffix))
        {
            file.Write(0, bytes);
            file.Sync();
        }

        fileSystem.Rename(path + WalFileNames.TemporarySuffix, path);
        fileSystem.SyncDirectory(Path.GetDirectoryName(path)!);
    }

    /// <summary>Reads the argument.</summary>
    /// <exception cref="WalCorruptionException">The file is damaged or belongs to another replica.</exception>
    public static ulong Read(IWalFileSystem fileSystem, string path, ReadOnlySpan<byte> magic, RangeId range, Guid incarnation)
    {
        var bytes = new byte[Bytes];
        using var file = fileSystem.OpenRead(path);
        var sound = file.Length == Bytes && file.Read(0, bytes) == Bytes
            && bytes.AsSpan(0, magic.Length).SequenceEqual(magic)
            && BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(8)) == Version
            && BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(CrcOffset)) == Crc32C.Compute(bytes.AsSpan(0, CrcOffset))
            && BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(16)) == range.Value
            && new Guid(bytes.AsSpan(24, 16), bigEndian: true) == incarnation;
        return sound ? BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(40)) : throw new WalCorruptionException(path, 0, "the intent is damaged or another replica's");
    }
}
