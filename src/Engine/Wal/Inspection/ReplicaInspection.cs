using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>One replica directory under the inspector's eye. The first readable segment says whose directory it is.</summary>
internal sealed class ReplicaInspection(IWalFileSystem fileSystem, string directory, TextWriter output, bool details)
{
    private readonly SegmentFiles _files = new(fileSystem, directory, WalOptions.Default);
    private readonly List<(string Path, SegmentScan Scan)> _scans = [];
    private (RangeId Range, Guid Incarnation)? _owner;

    public int Problems { get; private set; }

    public void Run()
    {
        var names = fileSystem.ListFiles(directory);
        if (names.Count == 0)
        {
            // Whether it should hold something, the node's manifest knows: a node refuses to open one that lost its files.
            output.WriteLine($"ok {directory} empty: created and never opened");
            return;
        }

        if (details) output.WriteLine($"{directory}");
        if (names.Contains(WalFileNames.Discard))
        {
            ReadHardStates(names);
            output.WriteLine($"note {directory}: a damaged log is being discarded, the next start makes an empty one");
            return;
        }

        if (names.Contains(WalFileNames.InstallCheckpoint))
        {
            ReadInstalled(names);
            return;
        }

        foreach (var name in LogRecovery.SegmentNames(names)) ReadSegment(name);
        JudgeSegments();
        var newestCheckpoint = ReadCheckpoints(names);
        ReadHardStates(names);
        if (_scans.Count == 0)
        {
            Problem(directory, 0, "there is no log segment");
            return;
        }

        CheckAgainst(newestCheckpoint);
        var last = _scans[^1].Scan;
        if (names.Contains(WalFileNames.SuffixTruncation)) output.WriteLine($"note {directory}: a suffix truncation is pending, the next start completes it");
        if (last.TailBytes > 0 && last.LaterFrame is null && !last.Conclusive && !last.Sealed)
            output.WriteLine($"note {_scans[^1].Path} offset {last.End}: torn tail of {last.TailBytes} bytes, never acknowledged ({last.Problem})");
        output.WriteLine(
            $"{(Problems == 0 ? "ok" : "bad")} {directory} range {last.Header.Range} incarnation {last.Header.Incarnation} " +
            $"segments {_scans.Count} records {_scans.Sum(s => s.Scan.Records)} " +
            $"lsn {_scans[0].Scan.Header.FirstLsn}..{last.LastLsn} epoch {last.LastEpoch} checkpoint {newestCheckpoint} closed {(last.Closed ? "cleanly" : "no")}");
    }

    /// <summary>A snapshot was decided to take the place of everything else.</summary>
    private void ReadInstalled(IReadOnlyList<string> names)
    {
        var path = SnapshotSwitch.CheckpointIn(directory);
        try
        {
            using (var file = fileSystem.OpenRead(path))
            {
                if (!CheckpointHeader.TryRead(file, out var header, out var problem)) throw new WalCorruptionException(path, 0, problem);
                _owner = (header.Range, header.Incarnation);
            }

            ReadHardStates(names);
            using var reader = SnapshotSwitch.OpenDecided(_files, _owner.Value.Range, _owner.Value.Incarnation);
            output.WriteLine($"note {directory}: a snapshot at lsn {reader.Lsn} epoch {reader.Epoch} is being installed, the next start completes it");
        }
        catch (WalCorruptionException corruption)
        {
            Problem(corruption.File, corruption.Offset, corruption.Reason);
        }
    }

    private void ReadSegment(string name)
    {
        var path = Path.Combine(directory, name);
        try
        {
            _scans.Add((path, _files.Read(name, (bytes, header) =>
            {
                _owner ??= (header.Range, header.Incarnation);
                SegmentFiles.CheckOwner(path, header, _owner.Value.Range, _owner.Value.Incarnation);
                var scan = SegmentScan.Run(bytes, header);
                if (details) PrintSegment(path, bytes, scan);
                return scan;
            })));
        }
        catch (WalCorruptionException corruption)
        {
            Problem(corruption.File, corruption.Offset, corruption.Reason);
        }
    }

    private void JudgeSegments()
    {
        for (var i = 0; i < _scans.Count; i++)
        {
            var next = i + 1 < _scans.Count ? _scans[i + 1].Scan : null;
            if (LogRecovery.FindCorruption(_scans[i].Scan, next, i + 2 == _scans.Count) is { } corruption) Problem(_scans[i].Path, corruption.Offset, corruption.Reason);
            if (next is not null && LogRecovery.FindGap(_scans[i].Scan, next.Header) is { } gap) Problem(_scans[i + 1].Path, 0, gap);
        }
    }

    /// <summary>The newest valid checkpoint's LSN; zero when there is none.</summary>
    private Lsn ReadCheckpoints(IReadOnlyList<string> names)
    {
        var newest = Lsn.Zero;
        foreach (var name in names)
        {
            if (!WalFileNames.TryParseCheckpoint(name, out var lsn) || _owner is not { } owner) continue;
            var path = Path.Combine(directory, name);
            using var reader = CheckpointReader.TryOpen(fileSystem, path, owner.Range, owner.Incarnation, [], verifyBlocks: true, out var problem);
            if (reader is null)
            {
                Problem(path, 0, problem);
                continue;
            }

            newest = lsn;
            if (details) output.WriteLine($"  checkpoint {name}: lsn {reader.Lsn} epoch {reader.Epoch} meta {reader.Meta.Length} B, {reader.BlockCount} blocks of {reader.BlockBytes} B");
        }

        return newest;
    }

    private void ReadHardStates(IReadOnlyList<string> names)
    {
        var found = names.Where(n => n is WalFileNames.HardStateA or WalFileNames.HardStateB).ToList();
        var valid = 0;
        foreach (var name in found)
        {
            var path = Path.Combine(directory, name);
            if (HardStateFile.ReadSlot(fileSystem, path, out var problem) is not { } slot)
            {
                output.WriteLine($"note {path}: {problem}");
                continue;
            }

            if (_owner is { } owner && (slot.Range != owner.Range || slot.Incarnation != owner.Incarnation)) Problem(path, 0, "the hard state belongs to another replica");
            valid++;
            if (details)
                output.WriteLine($"  {name}: sequence {slot.Sequence} promised epoch {slot.State.PromisedEpoch} to '{slot.State.PromisedNode}' {slot.State.PromisedNonce} state {slot.State.ReplicaState}");
        }

        if (found.Count == 2 && valid == 0) Problem(directory, 0, "both hard states are invalid");
    }

    private void CheckAgainst(Lsn checkpoint)
    {
        if (checkpoint.Next < _scans[0].Scan.Header.FirstLsn)
            Problem(_scans[0].Path, 0, $"the log begins at LSN {_scans[0].Scan.Header.FirstLsn}, and the newest valid checkpoint ends at {checkpoint}");
        if (checkpoint > _scans[^1].Scan.LastLsn)
            Problem(_scans[^1].Path, _scans[^1].Scan.End, $"the log ends at LSN {_scans[^1].Scan.LastLsn}, before its checkpoint {checkpoint}");
    }

    private void PrintSegment(string path, ReadOnlyMemory<byte> bytes, SegmentScan scan)
    {
        output.WriteLine($"  segment {Path.GetFileName(path)}: {bytes.Length} B, range {scan.Header.Range} incarnation {scan.Header.Incarnation} first lsn {scan.Header.FirstLsn}");
        for (var position = SegmentHeader.Bytes; position < scan.End;)
        {
            if (!BatchFrame.TryDecode(bytes.Span[position..], scan.Header.Salt(), out var frame)) return;
            output.WriteLine($"    {position,10} {frame.Kind.ToString().ToLowerInvariant()} lsn {frame.FirstLsn} records {frame.Records} bytes {frame.RecordBytes}");
            position += BatchFrame.Bytes;
            for (var end = position + frame.RecordBytes; position < end;)
            {
                if (!WalRecordCodec.TryDecode(bytes[position..end], out var record, out var size, out _)) return;
                output.WriteLine($"    {position,10}   record lsn {record.Lsn} epoch {record.Epoch} type {record.Type} flags {record.Flags} timestamp {record.Timestamp} payload {record.Payload.Length} B");
                position += size;
            }
        }
    }

    private void Problem(string file, long offset, string reason)
    {
        Problems++;
        output.WriteLine($"problem {file} offset {offset}: {reason}");
    }
}
