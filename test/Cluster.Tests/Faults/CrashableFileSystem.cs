using System.Collections.Concurrent;
using GrainDb.Engine.Wal;

namespace GrainDb.Cluster.Tests.Faults;

/// <summary>
/// The files of a node that is killed at some point: from then on nothing it does reaches them, whatever its code still tries. What was written
/// before stays, as it does for the operating system when a process dies.
/// </summary>
internal sealed class CrashableFileSystem(IWalFileSystem inner) : IWalFileSystem
{
    private readonly ConcurrentBag<IDisposable> _locks = [];
    private volatile Tuple<string, ManualResetEventSlim>? _hanging;
    private volatile bool _crashed;

    /// <summary>While it is set no write and no sync of a file in a range's directory succeeds: the volume is away for a while.</summary>
    public volatile bool IsFailing;

    /// <summary>From now on syncs of files under a directory do not return before the result is set.</summary>
    public ManualResetEventSlim Hang(string directory)
    {
        var goesOn = new ManualResetEventSlim();
        _hanging = Tuple.Create($"/{directory}/", goesOn);
        return goesOn;
    }

    /// <summary>The process is dead: the operating system gives its locks back.</summary>
    public void Crash()
    {
        _crashed = true;
        foreach (var held in _locks)
            held.Dispose();
    }

    private IWalFileSystem Inner(string path) => !_crashed ? inner : throw Dead(path);

    public bool DirectoryExists(string path) => inner.DirectoryExists(path);

    public void CreateDirectory(string path) => Inner(path).CreateDirectory(path);

    public void DeleteDirectory(string path) => Inner(path).DeleteDirectory(path);

    public IReadOnlyList<string> ListFiles(string directory) => inner.ListFiles(directory);

    public IReadOnlyList<string> ListDirectories(string directory) => inner.ListDirectories(directory);

    public void SyncDirectory(string path) => Inner(path).SyncDirectory(path);

    public bool FileExists(string path) => inner.FileExists(path);

    public IWalFile Create(string path) => new CrashableFile(this, Inner(path).Create(path));

    public IWalFile Open(string path) => new CrashableFile(this, Inner(path).Open(path));

    public IWalFile OpenRead(string path) => inner.OpenRead(path);

    public void Delete(string path) => Inner(path).Delete(path);

    public void Rename(string from, string to) => Inner(from).Rename(from, to);

    public long FreeBytes(string directory) => inner.FreeBytes(directory);

    public IDisposable? TryLockDirectory(string directory)
    {
        var held = Inner(directory).TryLockDirectory(directory);
        if (held is not null)
            _locks.Add(held);
        return held;
    }

    private static WalIOException Dead(string path) => new("write", path, errno: 5, "the process is dead");

    private sealed class CrashableFile(CrashableFileSystem disk, IWalFile file) : IWalFile
    {
        private IWalFile Inner => !disk._crashed && !(disk.IsFailing && file.Path.Contains("/ranges/", StringComparison.Ordinal)) ? file : throw Dead(file.Path);

        public string Path => file.Path;

        public long Length => file.Length;

        public int Read(long offset, Span<byte> destination) => file.Read(offset, destination);

        public void Write(long offset, ReadOnlySpan<byte> source) => Inner.Write(offset, source);

        public void Preallocate(long length) => Inner.Preallocate(length);

        public void SetLength(long length) => Inner.SetLength(length);

        public void SyncData()
        {
            WaitWhileHanging();
            Inner.SyncData();
        }

        public void Sync()
        {
            WaitWhileHanging();
            Inner.Sync();
        }

        private void WaitWhileHanging()
        {
            if (disk._hanging is var (directory, goesOn) && file.Path.Contains(directory, StringComparison.Ordinal))
                goesOn.Wait();
        }

        public void Dispose() => file.Dispose();
    }
}
