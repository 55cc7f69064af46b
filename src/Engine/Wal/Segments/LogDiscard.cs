using GrainDb.Interfaces.Ranges;

namespace GrainDb.Engine.Wal;

/// <summary>
/// Removes a damaged log so that the next opening creates an empty one. The steps: (1) a mark, durable; (2) every file of log and
/// checkpoints is deleted; (3) opening creates the first segment, durably, and then (4) deletes the mark, durably, before anything can be
/// appended. A crash before (1) leaves the damaged log; as long as the mark is there, an opening repeats (2) to (4), so that no
/// remainder of the old log is ever read, whichever of the deletions survived.
/// </summary>
internal static class LogDiscard
{
    private static ReadOnlySpan<byte> Magic => "GRDBDSC\n"u8;

    /// <summary>Where the mark is.</summary>
    public static string PathIn(string directory) => Path.Combine(directory, WalFileNames.Discard);

    /// <summary>Steps 1 and 2.</summary>
    /// <exception cref="DiskFullException">There is no room for the mark; nothing happened.</exception>
    public static void Run(IWalFileSystem fileSystem, string directory, RangeId range, Guid incarnation)
    {
        IntentFile.Write(fileSystem, PathIn(directory), Magic, range, incarnation, argument: 0);
        DeleteAll(fileSystem, directory);
    }

    /// <summary>Step 2 again when there is a mark. The caller has made the names durable that it finds.</summary>
    /// <returns>Whether there is one; then the caller creates the log and calls <see cref="End"/>.</returns>
    public static bool ContinuePending(SegmentFiles files, RangeId range, Guid incarnation)
    {
        var path = PathIn(files.Directory);
        if (!files.FileSystem.FileExists(path)) return false;
        _ = IntentFile.Read(files.FileSystem, path, Magic, range, incarnation);
        DeleteAll(files.FileSystem, files.Directory);
        return true;
    }

    /// <summary>Step 4.</summary>
    public static void End(SegmentFiles files)
    {
        files.FileSystem.Delete(PathIn(files.Directory));
        files.FileSystem.SyncDirectory(files.Directory);
    }

    private static void DeleteAll(IWalFileSystem fileSystem, string directory)
    {
        foreach (var name in fileSystem.ListFiles(directory).Where(WalFileNames.IsPartOfLog)) fileSystem.Delete(Path.Combine(directory, name));
        fileSystem.SyncDirectory(directory);
    }
}
