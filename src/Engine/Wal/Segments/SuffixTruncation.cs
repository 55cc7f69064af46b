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
/// Nothing is cut in place: shortening a batch means a new header for it, and a torn header would take the
/// acknowledged records of that batch with it.
/// </remarks>
internal static class SuffixTruncation
{
    private static ReadOnlySpan<byte> Magic => "GRDBCUT\n"u8;

    /// <summary>Where the intent is.</summary>
    public static string PathIn(string directory) => Path.Combine(directory, WalFileNames.SuffixTruncation);

    /// <summary>Step 1.</summary>
    /// <exception cref="DiskFullException">There is no room for the intent; nothing happened.</exception>
    public static void Begin(SegmentFiles files, RangeId range, Guid incarnation, Lsn from) =>
        IntentFile.Write(files.FileSystem, PathIn(files.Directory), Magic, range, incarnation, from.Value);

    /// <summary>Finishes what a crash interrupted. The caller has made the names durable that it finds.</summary>
    public static void CompletePending(SegmentFiles files, RangeId range, Guid incarnation)
    {
        var path = PathIn(files.Directory);
        if (!files.FileSystem.FileExists(path)) return;
        var from = new Lsn(IntentFile.Read(files.FileSystem, path, Magic, range, incarnation));
        Complete(files, from);
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

    private static Lsn FirstLsn(string name) => WalFileNames.TryParseSegment(name, out var lsn) ? lsn : throw new ArgumentException(name, nameof(name));

    private static void Delete(SegmentFiles files, string name)
    {
        files.FileSystem.Delete(Path.Combine(files.Directory, name));
        files.FileSystem.SyncDirectory(files.Directory);
    }
}
