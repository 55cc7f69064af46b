using GrainDb.Interfaces.Ranges;

namespace GrainDb.Engine.Wal;

/// <summary>
/// Puts a damaged log aside so that the next opening creates an empty one. The steps: (1) a mark, durable; (2) every file of log and
/// checkpoints gets another name; where files of an earlier damage have these names already, what was filled in since is deleted instead (the mark says which); (3) opening creates the first segment, durably, and then (4) deletes the mark, durably, before anything can be
/// appended. A crash before (1) leaves the damaged log; as long as the mark is there, an opening repeats (2) to (4), so that no
/// remainder of the old log is ever read, whichever of the changes survived. What was put aside stays until <see cref="DropAside"/>: until the replica has everything again,
/// it may be the last copy of something.
/// </summary>
internal static class LogDiscard
{
    // Arguments of the mark.
    private const ulong Delete = 0;
    private const ulong PutAside = 1;

    private static ReadOnlySpan<byte> Magic => "GRDBDSC\n"u8;

    /// <summary>Where the mark is.</summary>
    public static string PathIn(string directory) => Path.Combine(directory, WalFileNames.Discard);

    /// <summary>Steps 1 and 2.</summary>
    /// <exception cref="DiskFullException">There is no room for the mark; nothing happened.</exception>
    public static void Run(IWalFileSystem fileSystem, string directory, RangeId range, Guid incarnation)
    {
        var argument = HasAside(fileSystem, directory) ? Delete : PutAside;
        IntentFile.Write(fileSystem, PathIn(directory), Magic, range, incarnation, argument);
        RemoveAll(fileSystem, directory, argument);
    }

    /// <summary>Step 2 again when there is a mark. The caller has made the names durable that it finds.</summary>
    /// <returns>Whether there is one; then the caller creates the log and calls <see cref="End"/>.</returns>
    public static bool ContinuePending(SegmentFiles files, RangeId range, Guid incarnation)
    {
        var path = PathIn(files.Directory);
        if (!files.FileSystem.FileExists(path)) return false;
        RemoveAll(files.FileSystem, files.Directory, IntentFile.Read(files.FileSystem, path, Magic, range, incarnation));
        return true;
    }

    /// <summary>Step 4.</summary>
    public static void End(SegmentFiles files)
    {
        files.FileSystem.Delete(PathIn(files.Directory));
        files.FileSystem.SyncDirectory(files.Directory);
    }

    /// <summary>Whether there are files that were put aside.</summary>
    public static bool HasAside(IWalFileSystem fileSystem, string directory) => fileSystem.ListFiles(directory).Any(WalFileNames.IsAside);

    /// <summary>Deletes what was put aside: the replica has everything again. May be repeated.</summary>
    public static void DropAside(IWalFileSystem fileSystem, string directory)
    {
        foreach (var name in fileSystem.ListFiles(directory).Where(WalFileNames.IsAside)) fileSystem.Delete(Path.Combine(directory, name));
        fileSystem.SyncDirectory(directory);
    }

    private static void RemoveAll(IWalFileSystem fileSystem, string directory, ulong argument)
    {
        foreach (var name in fileSystem.ListFiles(directory).Where(WalFileNames.IsPartOfLog))
        {
            var path = Path.Combine(directory, name);
            if (argument == PutAside && !WalFileNames.IsTemporary(name)) fileSystem.Rename(path, Path.Combine(directory, WalFileNames.Aside(name)));
            else fileSystem.Delete(path);
        }

        fileSystem.SyncDirectory(directory);
    }
}
