namespace GrainDb.Engine.Wal;

/// <summary>
/// The operating system's files, with every result checked.
/// </summary>
/// <remarks>
/// <para>
/// Why not the framework's flush: .NET's <c>RandomAccess.FlushToDisk</c> and <c>FileStream.Flush(true)</c> return normally
/// when <c>fsync</c> fails (seen on 10.0.12 by injecting EIO with strace), and a directory cannot be opened through
/// <c>File.OpenHandle</c>. So syncs, allocation, locks and directory handles are system calls here.
/// </para>
/// <para>
/// Linux: <c>fdatasync</c>, <c>fsync</c>, <c>fallocate</c>, <c>flock</c>, <c>rename</c>. macOS: <c>fcntl(F_FULLFSYNC)</c> for both
/// syncs, since its <c>fsync</c> does not reach the medium; allocation by writing zeros. Windows: <c>FlushFileBuffers</c>;
/// names cannot be synced there, NTFS journals them, so <see cref="SyncDirectory"/> does nothing and the last
/// renames before a power cut may be lost together; the lock is a file opened without sharing.
/// </para>
/// </remarks>
public sealed class NativeFileSystem : IWalFileSystem
{
    private const string LockFileName = "LOCK";

    /// <inheritdoc/>
    public bool DirectoryExists(string path) => Directory.Exists(path);

    /// <inheritdoc/>
    public void CreateDirectory(string path) => NativeErrors.Run("mkdir", path, static p => Directory.CreateDirectory(p));

    /// <inheritdoc/>
    public void DeleteDirectory(string path) => NativeErrors.Run("rmdir", path, Directory.Delete);

    /// <inheritdoc/>
    public IReadOnlyList<string> ListFiles(string directory) => Names("readdir", directory, Directory.GetFiles);

    /// <inheritdoc/>
    public IReadOnlyList<string> ListDirectories(string directory) => Names("readdir", directory, Directory.GetDirectories);

    /// <inheritdoc/>
    public void SyncDirectory(string path) => NativeCalls.SyncDirectory(path);

    /// <inheritdoc/>
    public bool FileExists(string path) => File.Exists(path);

    /// <inheritdoc/>
    public IWalFile Create(string path) => NativeFile.Open(path, FileMode.Create, FileAccess.ReadWrite);

    /// <inheritdoc/>
    public IWalFile Open(string path) => NativeFile.Open(path, FileMode.Open, FileAccess.ReadWrite);

    /// <inheritdoc/>
    public IWalFile OpenRead(string path) => NativeFile.Open(path, FileMode.Open, FileAccess.Read);

    /// <inheritdoc/>
    public void Delete(string path) => NativeErrors.Run("unlink", path, File.Delete);

    /// <inheritdoc/>
    public void Rename(string from, string to) => NativeCalls.Rename(from, to);

    /// <inheritdoc/>
    public long FreeBytes(string directory) =>
        NativeErrors.Run("statvfs", directory, static d => new DriveInfo(Path.GetFullPath(d)).AvailableFreeSpace);

    /// <inheritdoc/>
    public IDisposable? TryLockDirectory(string directory) => NativeCalls.TryLock(Path.Combine(directory, LockFileName));

    private static string[] Names(string operation, string directory, Func<string, string[]> list)
    {
        var names = NativeErrors.Run(operation, directory, list).Select(p => Path.GetFileName(p)).ToArray();
        Array.Sort(names, StringComparer.Ordinal);
        return names;
    }
}
