using System.Buffers;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Engine.Wal;

/// <summary>Creates, reads and mends segment files. Every step is durable when it returns.</summary>
internal sealed class SegmentFiles(IWalFileSystem fileSystem, string directory, WalOptions options)
{
    // Beyond the largest segment (one batch of the largest size in a segment of its own); a longer file is not ours.
    private const long MaxSegmentFileBytes = WalBatch.MaxBytes + (1 << 20);
    private const int PageBytes = 4096;

    public IWalFileSystem FileSystem => fileSystem;

    public string Directory => directory;

    /// <summary>
    /// Creates a segment under a temporary name, and renames it when its header and its allocation are durable.
    /// When the disk cannot hold the wanted size, half of it is tried, down to what is needed.
    /// </summary>
    /// <exception cref="DiskFullException">There is no room for <paramref name="neededBytes"/>; nothing was changed.</exception>
    public Segment Create(SegmentHeader header, long wantedBytes, long neededBytes) => Create(header, wantedBytes, neededBytes, options.ReservedFreeBytes);

    /// <summary>The same, as small as it can be, where half of the reserve is left.</summary>
    /// <exception cref="DiskFullException">There is no room; nothing was changed.</exception>
    public Segment CreateFromReserve(SegmentHeader header, long neededBytes) => Create(header, wantedBytes: 0, neededBytes, options.ReservedFreeBytes / 2);

    private Segment Create(SegmentHeader header, long wantedBytes, long neededBytes, long reserve)
    {
        var segment = Create(header, wantedBytes, neededBytes, reserve, PathOf(header) + WalFileNames.TemporarySuffix);
        fileSystem.Rename(segment.Path + WalFileNames.TemporarySuffix, segment.Path);
        fileSystem.SyncDirectory(directory);
        return segment;
    }

    /// <summary>Creates an empty segment under the name that it has until an installation renames it; its content, not its name, is durable then.</summary>
    /// <exception cref="DiskFullException">There is no room; nothing was changed.</exception>
    public Segment CreateForInstall(SegmentHeader header, long wantedBytes) => Create(header, wantedBytes, neededBytes: 0, options.ReservedFreeBytes, SnapshotSwitch.SegmentIn(directory));

    private Segment Create(SegmentHeader header, long wantedBytes, long neededBytes, long reserve, string temporary)
    {
        var smallest = RoundUp(SegmentHeader.Bytes + neededBytes + Segment.MarkBytes);
        for (var capacity = Math.Max(RoundUp(wantedBytes), smallest); ; capacity = Math.Max(RoundUp(capacity / 2), smallest))
        {
            try
            {
                return Create(header, capacity, reserve, temporary);
            }
            catch (DiskFullException) when (capacity > smallest)
            {
                // a smaller one may fit
            }
        }
    }

    /// <summary>Cuts off everything behind the last sound frame, so that the space reads as zeros again.</summary>
    /// <returns>The capacity afterwards: smaller when the disk is full, which only makes the next append rotate.</returns>
    public long CutTail(string path, long end, long capacity)
    {
        using var file = fileSystem.Open(path);
        file.SetLength(end);
        try
        {
            file.Preallocate(capacity);
        }
        catch (DiskFullException)
        {
            capacity = end;
        }

        file.Sync();
        return capacity;
    }

    /// <summary>Writes a mark behind the last frame, durably. The caller extends the segment.</summary>
    public static void WriteMark(IWalFile file, Segment segment, BatchFrameKind kind)
    {
        var bytes = new byte[BatchFrame.Bytes];
        new BatchFrame(kind, segment.LastLsn.Next, 0, 0).Encode(bytes, segment.Salt);
        file.Write(segment.End, bytes);
        file.SyncData();
    }

    /// <summary>Reads a whole segment into a pooled buffer, checks its header and hands both to <paramref name="use"/>.</summary>
    /// <exception cref="WalCorruptionException">The header is bad.</exception>
    public T Read<T>(string name, Func<ReadOnlyMemory<byte>, SegmentHeader, T> use)
    {
        var path = Path.Combine(directory, name);
        using var file = fileSystem.OpenRead(path);
        var length = file.Length;
        if (length > MaxSegmentFileBytes) throw new WalCorruptionException(path, 0, $"{length} bytes are more than any segment has");
        var buffer = ArrayPool<byte>.Shared.Rent((int)length);
        try
        {
            var bytes = buffer.AsMemory(0, (int)length);
            if (file.Read(0, bytes.Span) != length) throw new WalCorruptionException(path, 0, "the file became shorter while it was read");
            if (SegmentHeader.NewerVersionOf(bytes.Span) is { } newer) throw new UnknownFormatException(path, newer);
            if (!SegmentHeader.TryDecode(bytes.Span, out var header, out var problem)) throw new WalCorruptionException(path, 0, problem);
            if (WalFileNames.Segment(header.FirstLsn) != name) throw new WalCorruptionException(path, 0, $"the header's first LSN {header.FirstLsn} is not that of the name");
            return use(bytes, header);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Checks that a segment belongs to this replica.</summary>
    public static void CheckOwner(string path, SegmentHeader header, RangeId range, Guid incarnation)
    {
        if (header.Range != range) throw new WalCorruptionException(path, 0, $"the segment belongs to range {header.Range}, not {range}");
        if (header.Incarnation != incarnation)
            throw new WalCorruptionException(path, 0, $"the segment belongs to incarnation {header.Incarnation}, not {incarnation}");
    }

    private string PathOf(SegmentHeader header) => Path.Combine(directory, WalFileNames.Segment(header.FirstLsn));

    private Segment Create(SegmentHeader header, long capacity, long reserve, string temporary)
    {
        var path = PathOf(header);
        if (fileSystem.FreeBytes(directory) - reserve < capacity)
            throw new DiskFullException(path, $"no room for {capacity} bytes above the reserve of {reserve}");
        try
        {
            using var file = fileSystem.Create(temporary);
            file.Preallocate(capacity);
            var bytes = new byte[SegmentHeader.Bytes];
            header.Encode(bytes);
            file.Write(0, bytes);
            file.Sync();
        }
        catch (DiskFullException)
        {
            fileSystem.Delete(temporary); // gives the allocation back; the name means nothing
            throw;
        }

        return new(path, header, capacity);
    }

    private static long RoundUp(long bytes) => (bytes + PageBytes - 1) / PageBytes * PageBytes;
}
