using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>
/// Puts a snapshot in the place of a whole log and its checkpoints, in one step as seen after any crash. The steps: (1) the snapshot's checkpoint is
/// written under a temporary name; (2) the empty segment that will follow it is written as <c>install.log</c>; both durable; (3)
/// the checkpoint is renamed to <c>install.ckpt</c>, durable: that is the decision; (4) all segments, checkpoints and a pending truncation are
/// deleted, durable; (5) <c>install.log</c> gets its name as a segment, durable; (6) <c>install.ckpt</c> gets its name as a checkpoint, durable.
/// </summary>
/// <remarks>
/// A crash before (3) leaves the old log, and files that mean nothing and are removed. After it, recovery redoes (4) to (6), which is idempotent:
/// as long as <c>install.log</c> is there, none of the old files counts; when it is gone, they are. All room that the new log needs is taken
/// before the decision, so that a full disk never stops the switch in its middle.
/// </remarks>
internal static class SnapshotSwitch
{
    /// <summary>Step 2.</summary>
    /// <exception cref="DiskFullException">There is no room; nothing happened.</exception>
    public static Segment CreateSegment(SegmentFiles files, CheckpointHeader checkpoint, Timestamp timestamp, long wantedBytes) =>
        files.CreateForInstall(new(checkpoint.Range, checkpoint.Incarnation, checkpoint.Lsn.Next, checkpoint.Epoch, timestamp), wantedBytes);

    /// <summary>Step 3.</summary>
    public static void Decide(SegmentFiles files)
    {
        var path = CheckpointIn(files.Directory);
        files.FileSystem.SyncDirectory(files.Directory); // the decision must not become durable before the segment's name
        files.FileSystem.Rename(path + WalFileNames.TemporarySuffix, path);
        files.FileSystem.SyncDirectory(files.Directory);
    }

    /// <summary>Steps 4 to 6.</summary>
    public static void Complete(SegmentFiles files, Lsn lsn)
    {
        var (fileSystem, directory) = (files.FileSystem, files.Directory);
        if (fileSystem.FileExists(SegmentIn(directory)))
        {
            foreach (var name in fileSystem.ListFiles(directory).Where(IsReplaced)) fileSystem.Delete(Path.Combine(directory, name));
            fileSystem.SyncDirectory(directory);
            fileSystem.Rename(SegmentIn(directory), Path.Combine(directory, WalFileNames.Segment(lsn.Next)));
            fileSystem.SyncDirectory(directory);
        }

        fileSystem.Rename(CheckpointIn(directory), Path.Combine(directory, WalFileNames.Checkpoint(lsn)));
        fileSystem.SyncDirectory(directory);
    }

    /// <summary>Finishes what a crash interrupted after the decision, and removes what was not decided. The caller has made the names durable that it finds.</summary>
    public static void CompletePending(SegmentFiles files, RangeId range, Guid incarnation)
    {
        var (fileSystem, directory) = (files.FileSystem, files.Directory);
        if (!fileSystem.FileExists(CheckpointIn(directory)))
        {
            if (fileSystem.FileExists(SegmentIn(directory))) fileSystem.Delete(SegmentIn(directory));
            return;
        }

        Lsn lsn;
        using (var checkpoint = OpenDecided(files, range, incarnation)) lsn = checkpoint.Lsn;
        Complete(files, lsn);
    }

    /// <summary>
    /// Opens the checkpoint of a decided installation, and checks the segment that follows it. Both are whole after any crash; damage at rest has to be
    /// found before the old files go.
    /// </summary>
    /// <exception cref="WalCorruptionException">One of them is damaged.</exception>
    public static CheckpointReader OpenDecided(SegmentFiles files, RangeId range, Guid incarnation)
    {
        var path = CheckpointIn(files.Directory);
        var checkpoint = CheckpointReader.TryOpen(files.FileSystem, path, range, incarnation, [], verifyBlocks: true, out var problem)
            ?? throw new WalCorruptionException(path, 0, problem);
        try
        {
            CheckSegment(files, new(range, incarnation, checkpoint.Lsn.Next, checkpoint.Epoch, checkpoint.Timestamp));
            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <summary>Removes what an abandoned installation left; nothing of it means anything.</summary>
    public static void RemoveUndecided(IWalFileSystem fileSystem, string directory)
    {
        fileSystem.Delete(CheckpointIn(directory) + WalFileNames.TemporarySuffix);
        fileSystem.Delete(SegmentIn(directory));
    }

    /// <summary>The checkpoint of an installation; with this name it is decided.</summary>
    public static string CheckpointIn(string directory) => Path.Combine(directory, WalFileNames.InstallCheckpoint);

    /// <summary>The segment that will follow it.</summary>
    public static string SegmentIn(string directory) => Path.Combine(directory, WalFileNames.InstallSegment);

    private static bool IsReplaced(string name) =>
        WalFileNames.TryParseSegment(name, out _) || WalFileNames.TryParseCheckpoint(name, out _) || name == WalFileNames.SuffixTruncation;

    private static void CheckSegment(SegmentFiles files, SegmentHeader expected)
    {
        var path = SegmentIn(files.Directory);
        if (!files.FileSystem.FileExists(path)) path = Path.Combine(files.Directory, WalFileNames.Segment(expected.FirstLsn));
        if (!files.FileSystem.FileExists(path)) throw new WalCorruptionException(path, 0, "a snapshot was installed and its segment is missing");
        using var file = files.FileSystem.OpenRead(path);
        var bytes = new byte[SegmentHeader.Bytes];
        if (!SegmentHeader.TryDecode(bytes.AsSpan(0, file.Read(0, bytes)), out var header, out var problem)) throw new WalCorruptionException(path, 0, problem);
        if (header != expected) throw new WalCorruptionException(path, 0, "the segment is not that of the snapshot that is being installed");
    }
}
