namespace GrainDb.Engine.Wal;

/// <summary>
/// The file operations that the log, its checkpoints and hard states need, and nothing more. All durable state of a
/// replica goes through it, so that a test can tear, fail, reorder and fill a disk at any byte.
/// </summary>
/// <remarks>
/// Errors: <see cref="DiskFullException"/> when there is no room (or no quota), <see cref="WalIOException"/> for every
/// other failed system call. Nothing is retried. Nothing is durable before the sync of the file <b>and</b>, for a new,
/// renamed or deleted name, of its directory. Implementations are safe for calls from several threads.
/// </remarks>
public interface IWalFileSystem
{
    /// <summary>Whether the directory exists.</summary>
    bool DirectoryExists(string path);

    /// <summary>Creates one directory; its parent must exist. No effect when it exists. Durable after <see cref="SyncDirectory"/> of the parent.</summary>
    void CreateDirectory(string path);

    /// <summary>Deletes an empty directory.</summary>
    void DeleteDirectory(string path);

    /// <summary>The names (not paths) of the files in a directory, in ordinal order.</summary>
    IReadOnlyList<string> ListFiles(string directory);

    /// <summary>The names (not paths) of the directories in a directory, in ordinal order.</summary>
    IReadOnlyList<string> ListDirectories(string directory);

    /// <summary>Makes created, renamed and deleted names of this directory durable.</summary>
    void SyncDirectory(string path);

    /// <summary>Whether the file exists.</summary>
    bool FileExists(string path);

    /// <summary>Creates an empty file, or empties the one that is there.</summary>
    IWalFile Create(string path);

    /// <summary>Opens an existing file for reading and writing.</summary>
    /// <exception cref="FileNotFoundException">It does not exist.</exception>
    IWalFile Open(string path);

    /// <summary>Opens an existing file for reading. A reader keeps its file when the name is deleted or replaced meanwhile.</summary>
    /// <exception cref="FileNotFoundException">It does not exist.</exception>
    IWalFile OpenRead(string path);

    /// <summary>Removes a name. No effect when it does not exist.</summary>
    void Delete(string path);

    /// <summary>Gives a file a new name in one step, replacing what has that name. Both names are in the same directory.</summary>
    void Rename(string from, string to);

    /// <summary>Bytes that can still be allocated on the volume that holds <paramref name="directory"/>.</summary>
    long FreeBytes(string directory);

    /// <summary>Takes the exclusive lock of a directory; disposing it, or the end of the process, gives it back.</summary>
    /// <returns>Null when somebody else holds it.</returns>
    IDisposable? TryLockDirectory(string directory);
}
