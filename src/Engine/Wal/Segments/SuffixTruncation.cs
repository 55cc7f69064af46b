using System.Buffers.Binary;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>
/// Removes the records from one LSN on, in one step as seen after any crash. The steps: (1) an intent file names the LSN, durable;
/// (2) later segments are deleted; (3) the segment that now is the last one is replaced by a copy that ends before the LSN
/// and has no seal; (4) the intent is deleted. A crash before (1) leaves the log as it was; after it, recovery
/// redoes (2) to (4), which is idempotent.
/// </summary>
/// <remarks>
/// Intent (little endian): magic "GRDBCUT\n", version u16, 0 u16, 0 u32, range i64, incarnation 16, LSN u64, 0 u32, crc32c u32 over
/// bytes 0 to 51. Nothing is cut in place: shortening a batch means a new header for it, and a torn header would take the
/// acknowledged records of that batch with it.
/// </remarks>
internal static class SuffixTruncation
{
    private const ushort Version = 1;
    private const int IntentBytes = 56;
    private const int CrcOffset = 52;

    private static ReadOnlySpan<byte> Magic => "GRDBCUT\n"u8;

    /// <summary>Where the intent is.</summary>
    public static string PathIn(string directory) => Path.Combine(directory, WalFileNames.SuffixTruncation);

    /// <summary>Step 1.</summary>
    /// <exception cref="DiskFullException">There is no room for the intent; nothing happened.</exception>
    public static void Begin(SegmentFiles files, RangeId range, Guid incarnation, Lsn from) => WriteIntent(files, range, incarnation, from);

    /// <summary>Finishes what a crash interrupted.</summary>
    public static void CompletePending(SegmentFiles files, RangeId range, Guid incarnation)
    {
        var path = PathIn(files.Directory);
        if (files.FileSystem.FileExists(path)) Complete(files, ReadIntent(files.FileSystem, path, range, incarnation));
    }

    /// <summary>Steps 2 to 4.</summary>
    public static void Complete(SegmentFiles files, Lsn from)
    {
        var names = LogRecovery.SegmentNames(files.FileSystem.ListFiles(files.Directory));
        while (names.Count > 1 && FirstLsn(names[^1]) >= from)
        {
            Delete(files, names[^1]);
            names.RemoveAt(names.Count - 1);
        }

        if (names.Count == 0) throw new WalCorruptionException(files.Directory, 0, "there is a suffix truncation but no log segment");
        Shorten(files, names[^1], from);
        Delete(files, WalFileNames.SuffixTruncation);
    }

    private static void Shorten(SegmentFiles files, string name, Lsn from)
    {
        var path = Path.Combine(files.Directory, name);
        var temporary = path + WalFileNames.TemporarySuffix;
        files.Read(name, (bytes, header) =>
        {
            using var file = files.FileSystem.Create(temporary);
            file.Write(0, Shortened(path, bytes, header, from));
            try
            {
                file.Preallocate(bytes.Length);
            }
            catch (DiskFullException)
            {
                // the segment just has no room left; the next append opens another
            }

            file.Sync();
            return true;
        });
        files.FileSystem.Rename(temporary, path);
        files.FileSystem.SyncDirectory(files.Directory);
    }

    private static byte[] Shortened(string path, ReadOnlyMemory<byte> bytes, SegmentHeader header, Lsn from)
    {
        var scan = SegmentScan.Run(bytes, header);
        if (scan.LastLsn.Next < from && scan.ProblemOffset is { } offset) throw new WalCorruptionException(path, offset, scan.Problem);
        using var output = new MemoryStream();
        using var batch = new WalBatch();
        output.Write(bytes.Span[..SegmentHeader.Bytes]);
        for (var position = SegmentHeader.Bytes; position < scan.End;)
        {
            if (!BatchFrame.TryDecode(bytes.Span[position..], header.Salt(), out var frame)) throw new WalCorruptionException(path, position, "batch header is damaged");
            position += BatchFrame.Bytes;
            batch.Clear();
            for (var rest = bytes.Slice(position, frame.RecordBytes).Span; !rest.IsEmpty && WalRecordCodec.LsnOf(rest) < from;)
            {
                _ = WalRecordCodec.TryReadSize(rest, out var size);
                batch.AddEncoded(rest[..size]);
                rest = rest[size..];
            }

            if (!batch.IsEmpty) output.Write(batch.Framed(header.Salt()));
            position += frame.RecordBytes;
        }

        return output.ToArray();
    }

    private static void WriteIntent(SegmentFiles files, RangeId range, Guid incarnation, Lsn from)
    {
        var path = PathIn(files.Directory);
        var bytes = new byte[IntentBytes];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(8), Version);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16), range.Value);
        _ = incarnation.TryWriteBytes(bytes.AsSpan(24), bigEndian: true, out _);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(40), from.Value);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(CrcOffset), Crc32C.Compute(bytes.AsSpan(0, CrcOffset)));
        using (var file = files.FileSystem.Create(path + WalFileNames.TemporarySuffix))
        {
            file.Write(0, bytes);
            file.Sync();
        }

        files.FileSystem.Rename(path + WalFileNames.TemporarySuffix, path);
        files.FileSystem.SyncDirectory(files.Directory);
    }

    private static Lsn ReadIntent(IWalFileSystem fileSystem, string path, RangeId range, Guid incarnation)
    {
        var bytes = new byte[IntentBytes];
        using var file = fileSystem.OpenRead(path);
        var sound = file.Length == IntentBytes && file.Read(0, bytes) == IntentBytes
            && bytes.AsSpan(0, Magic.Length).SequenceEqual(Magic)
            && BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(8)) == Version
            && BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(CrcOffset)) == Crc32C.Compute(bytes.AsSpan(0, CrcOffset))
            && BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(16)) == range.Value
            && new Guid(bytes.AsSpan(24, 16), bigEndian: true) == incarnation;
        return sound ? new(BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(40))) : throw new WalCorruptionException(path, 0, "the suffix truncation is damaged");
    }

    private static Lsn FirstLsn(string name) => WalFileNames.TryParseSegment(name, out var lsn) ? lsn : throw new ArgumentException(name, nameof(name));

    private static void Delete(SegmentFiles files, string name)
    {
        files.FileSystem.Delete(Path.Combine(files.Directory, name));
        files.FileSystem.SyncDirectory(files.Directory);
    }
}
