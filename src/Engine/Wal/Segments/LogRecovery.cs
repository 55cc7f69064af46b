using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>
/// Brings the segments of a log into the one state from which it may go on, or says why that is impossible.
/// </summary>
/// <remarks>
/// What a crash can leave, and is mended here: temporary files; an unfinished suffix truncation, installation of a snapshot or discard (completed); an unfinished
/// append at the end of the last segment, its pages written in any order (cut off: it was never acknowledged); a new
/// segment that is still empty, its predecessor not sealed yet (sealed). Everything else is corruption. The proof of
/// loss is order: a frame, a seal and the first frame of a following segment are each written only after everything before them is
/// durable, so each of them, found sound behind damage, shows that the damaged bytes had been durable.
/// </remarks>
internal sealed class LogRecovery(SegmentFiles files, RangeId range, Guid incarnation)
{
    private readonly List<(string Name, SegmentScan Scan, long FileBytes)> _scans = [];

    public List<Segment> Segments { get; } = [];

    public bool Created { get; private set; }

    public Epoch LastEpoch { get; private set; }

    public Timestamp LargestTimestamp { get; private set; }

    public long Records { get; private set; }

    public long TornBytes { get; private set; }

    public string? TornFile { get; private set; }

    public long TornOffset { get; private set; }

    public bool ClosedCleanly { get; private set; }

    /// <summary>At the start: what a crash interrupted is completed or removed, then the log is read, or created when there is none.</summary>
    public void Open(long firstSegmentBytes)
    {
        // A killed process may have left names in the system's cache only: a new segment's, an intent's. They are durable before anything is done because of
        // them, or a power loss could take the cause away and leave the effect.
        files.FileSystem.SyncDirectory(files.Directory);
        RemoveTemporaryFiles();
        var discarded = LogDiscard.ContinuePending(files, range, incarnation);
        SnapshotSwitch.CompletePending(files, range, incarnation);
        SuffixTruncation.CompletePending(files, range, incarnation);
        var names = SegmentNames(files.FileSystem.ListFiles(files.Directory));
        if (names.Count > 0)
        {
            Read();
            return;
        }

        if (!discarded) CheckNothingElse();
        DurableDirectory.SyncEntry(files.FileSystem, files.Directory);
        Segments.Add(files.Create(new(range, incarnation, new(1), Epoch.Zero, Timestamp.Zero), firstSegmentBytes, 0));
        if (discarded) LogDiscard.End(files); // before the first append, which the mark would discard too
        Created = true;
    }

    /// <summary>Reads the segments, and mends what a crash left of an append or a rotation.</summary>
    public void Read()
    {
        foreach (var name in SegmentNames(files.FileSystem.ListFiles(files.Directory)))
        {
            _scans.Add(files.Read(name, (bytes, header) => (name, SegmentScan.Run(bytes, header), (long)bytes.Length)));
            CheckHeader(_scans.Count - 1);
        }

        for (var i = 0; i < _scans.Count; i++) Segments.Add(Judge(i));
        WriteAgainWhatMayBeCachedOnly();
        var last = _scans[^1].Scan;
        (LastEpoch, LargestTimestamp, ClosedCleanly) = (last.LastEpoch, last.LargestTimestamp, last.Closed && TornBytes == 0);
        Records = _scans.Sum(s => s.Scan.Records);
    }

    /// <summary>The log's segment files in LSN order.</summary>
    public static List<string> SegmentNames(IReadOnlyList<string> files) => // 20 digits: ordinal order is LSN order
        [.. files.Where(f => WalFileNames.TryParseSegment(f, out _)).Order(StringComparer.Ordinal)];

    /// <summary>
    /// A verdict on damage in one segment, from its scan and its place: null when there is none that a crash does not explain.
    /// Shared with the offline tools.
    /// </summary>
    public static (long Offset, string Reason)? FindCorruption(SegmentScan scan, SegmentScan? next, bool nextIsLast)
    {
        if (scan.Conclusive) return (scan.ProblemOffset!.Value, scan.Problem);
        if (next is null)
        {
            if (scan.Sealed) return (scan.End, "the segment is sealed, so a following one existed, and it is missing");
            if (scan.LaterFrame is not { } later) return null;
            return (scan.ProblemOffset ?? scan.End, $"{Describe(scan)}, and a later batch stands at offset {later}");
        }

        if (scan.Sealed) return null;
        if (nextIsLast && IsUntouched(next) && scan.LaterFrame is null && scan.TailBytes <= BatchFrame.Bytes) return null; // its seal was not finished
        return (scan.ProblemOffset ?? scan.End, $"{Describe(scan)}, in a segment that others follow");
    }

    /// <summary>Whether a segment follows its predecessor: LSNs dense, epochs and timestamps handed over.</summary>
    public static string? FindGap(SegmentScan previous, SegmentHeader next)
    {
        if (next.FirstLsn != previous.LastLsn.Next)
            return $"the segment begins at LSN {next.FirstLsn} where {previous.LastLsn.Next} is due";
        return next.PreviousEpoch != previous.LastEpoch || next.PreviousTimestamp != previous.LargestTimestamp
            ? "the header does not continue the epoch and timestamp of the segment before"
            : null;
    }

    private static string Describe(SegmentScan scan) => scan.ProblemOffset is null ? "the log ends here" : scan.Problem;

    private static bool IsUntouched(SegmentScan scan) => scan.End == SegmentHeader.Bytes && scan.TailBytes == 0;

    private Segment Judge(int i)
    {
        var (name, scan, fileBytes) = _scans[i];
        var path = Path.Combine(files.Directory, name);
        var next = i + 1 < _scans.Count ? _scans[i + 1].Scan : null;
        if (FindCorruption(scan, next, i + 2 == _scans.Count) is { } corruption) throw new WalCorruptionException(path, corruption.Offset, corruption.Reason);
        if (next is not null && FindGap(scan, next.Header) is { } gap)
            throw new WalCorruptionException(Path.Combine(files.Directory, _scans[i + 1].Name), 0, gap);

        if (scan.TailBytes > 0 && !scan.Sealed)
        {
            fileBytes = files.CutTail(path, scan.End, fileBytes);
            (TornFile, TornOffset) = (path, scan.End);
            TornBytes += scan.TailBytes;
        }

        var segment = new Segment(path, scan, fileBytes);
        if (next is null || scan.Sealed) return segment;
        using var file = files.FileSystem.Open(path);
        SegmentFiles.WriteMark(file, segment, BatchFrameKind.Seal);
        segment.ExtendByMark();
        return segment;
    }

    /// <summary>
    /// What was read is perhaps in the system's cache only: the process before was killed between a write and its sync; or the
    /// sync failed, and then a later sync of the same pages succeeds without writing them. So the last frame of the last segment, and
    /// of the one before it (its seal), are written again before anybody relies on them.
    /// </summary>
    private void WriteAgainWhatMayBeCachedOnly()
    {
        foreach (var (name, scan, _) in _scans.TakeLast(2))
        {
            using var file = files.FileSystem.Open(Path.Combine(files.Directory, name));
            var frame = new byte[scan.End - scan.LastFrame];
            if (file.Read(scan.LastFrame, frame) != frame.Length) throw new WalCorruptionException(file.Path, scan.LastFrame, "the file became shorter while it was read");
            file.Write(scan.LastFrame, frame);
            file.Sync();
        }
    }

    private void CheckHeader(int i)
    {
        var (name, scan, _) = _scans[i];
        SegmentFiles.CheckOwner(Path.Combine(files.Directory, name), scan.Header, range, incarnation);
    }

    /// <summary>The log is created before anything else of a replica; so a directory that has other parts and no log has lost it.</summary>
    private void CheckNothingElse()
    {
        var other = files.FileSystem.ListFiles(files.Directory)
            .FirstOrDefault(f => f is WalFileNames.HardStateA or WalFileNames.HardStateB || WalFileNames.TryParseCheckpoint(f, out _));
        if (other is not null) throw new WalCorruptionException(files.Directory, 0, $"there is {other} but no log segment");
    }

    private void RemoveTemporaryFiles()
    {
        foreach (var name in files.FileSystem.ListFiles(files.Directory).Where(WalFileNames.IsTemporary))
            files.FileSystem.Delete(Path.Combine(files.Directory, name));
    }
}
