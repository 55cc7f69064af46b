namespace GrainDb.Engine.Wal;

/// <summary>
/// The exclusive use of a data directory. Held through the operating system (<c>flock</c> of a file <c>LOCK</c>), so that it
/// ends with the process however that ends; the file itself stays and means nothing.
/// </summary>
public sealed class DirectoryLock : IDisposable
{
    private readonly IDisposable _handle;

    private DirectoryLock(string directory, IDisposable handle)
    {
        Directory = directory;
        _handle = handle;
    }

    /// <summary>The locked directory.</summary>
    public string Directory { get; }

    /// <summary>Takes the lock; creates the directory, durably, when it does not exist.</summary>
    /// <exception cref="DirectoryLockedException">Somebody else holds it.</exception>
    public static DirectoryLock Acquire(IWalFileSystem fileSystem, string directory)
    {
        DurableDirectory.Create(fileSystem, directory);
        var handle = fileSystem.TryLockDirectory(directory) ?? throw new DirectoryLockedException(directory);
        return new(directory, handle);
    }

    /// <summary>Gives the lock back.</summary>
    public void Dispose() => _handle.Dispose();
}
