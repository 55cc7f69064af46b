using GrainDb.Engine.Wal;

namespace GrainDb.Engine.Tests.Wal.Disk;

/// <summary>
/// A disk in memory that does everything that real ones do to a log: it loses what was not synced, names included; keeps unsynced
/// writes in any order and torn at any byte; fails syncs and drops the data; fills up; flips bits; stops at any
/// operation or byte. Deterministic: every choice comes from the test. Knows no test framework.
/// </summary>
public sealed class FaultyFileSystem : IWalFileSystem
{
    private const int InputOutputError = 5;

    private readonly Lock _gate = new();
    private readonly MemoryDirectory _root;
    private readonly HashSet<string> _locked = [];

    public FaultyFileSystem()
        : this(new MemoryDirectory())
    {
    }

    private FaultyFileSystem(MemoryDirectory root) => _root = root;

    /// <summary>Asked before every operation that changes something or makes it durable.</summary>
    public Func<DiskOperation, DiskFault> Faults { get; set; } = _ => DiskFault.None;

    /// <summary>The machine stops in the middle of a write, when this many bytes in all were written.</summary>
    public long CrashAtByte { get; set; } = long.MaxValue;

    /// <summary>Size of the disk. At the bound a write is cut short, as it is on real ones.</summary>
    public long CapacityBytes { get; set; } = long.MaxValue;

    /// <summary>Operations so far, as counted for <see cref="DiskOperation.Index"/>.</summary>
    public int Operations { get; private set; }

    /// <summary>How often a file was opened to be read.</summary>
    public int ReadsBegun { get; private set; }

    /// <summary>Bytes written so far.</summary>
    public long BytesWritten { get; private set; }

    /// <summary>The machine stopped.</summary>
    public bool Crashed { get; private set; }

    /// <summary>Bytes that the files take, allocated ones included.</summary>
    public long UsedBytes
    {
        get
        {
            lock (_gate) return Inodes(_root).Distinct().Sum(i => (long)i.Length);
        }
    }

    /// <summary>The disk after a power loss, in a machine that runs again.</summary>
    public FaultyFileSystem AfterPowerLoss(CrashOutcome outcome)
    {
        lock (_gate) return new(_root.AfterPowerLoss(outcome, []));
    }

    /// <summary>The process was killed and another one starts: the system's cache is still there, locks are gone.</summary>
    public FaultyFileSystem AfterProcessKill() => new(_root);

    /// <summary>Flips one bit at rest.</summary>
    public void FlipBit(string path, int offset, int bit)
    {
        lock (_gate) File(path).FlipBit(offset, bit);
    }

    /// <summary>A copy of a file's bytes.</summary>
    public byte[] ReadAll(string path)
    {
        lock (_gate) return File(path).Bytes.ToArray();
    }

    public bool DirectoryExists(string path)
    {
        lock (_gate) return TryFind(path) is MemoryDirectory;
    }

    public void CreateDirectory(string path)
    {
        lock (_gate)
        {
            Begin(DiskOperationKind.CreateDirectory, path);
            if (TryFind(path) is null) Parent(path).Set(Path.GetFileName(path), new MemoryDirectory());
        }
    }

    public void DeleteDirectory(string path)
    {
        lock (_gate)
        {
            Begin(DiskOperationKind.DeleteDirectory, path);
            if (Directory(path).Names.Count > 0) throw new WalIOException("rmdir", path, 39, "not empty");
            Parent(path).Remove(Path.GetFileName(path));
        }
    }

    public IReadOnlyList<string> ListFiles(string directory)
    {
        lock (_gate) return [.. Directory(directory).Names.Where(n => n.Value is MemoryInode).Select(n => n.Key)];
    }

    public IReadOnlyList<string> ListDirectories(string directory)
    {
        lock (_gate) return [.. Directory(directory).Names.Where(n => n.Value is MemoryDirectory).Select(n => n.Key)];
    }

    public void SyncDirectory(string path)
    {
        lock (_gate)
        {
            Begin(DiskOperationKind.SyncDirectory, path);
            Directory(path).Sync();
        }
    }

    public bool FileExists(string path)
    {
        lock (_gate) return TryFind(path) is MemoryInode;
    }

    public IWalFile Create(string path)
    {
        lock (_gate)
        {
            Begin(DiskOperationKind.Create, path);
            if (TryFind(path) is MemoryInode present)
            {
                present.SetLength(0);
                return new MemoryFile(this, path, present);
            }

            var inode = new MemoryInode();
            Parent(path).Set(Path.GetFileName(path), inode);
            return new MemoryFile(this, path, inode);
        }
    }

    public IWalFile Open(string path)
    {
        lock (_gate) return new MemoryFile(this, path, File(path));
    }

    public IWalFile OpenRead(string path)
    {
        ReadsBegun++;
        return Open(path);
    }

    public void Delete(string path)
    {
        lock (_gate)
        {
            Begin(DiskOperationKind.Delete, path);
            if (TryFind(path) is MemoryInode) Parent(path).Remove(Path.GetFileName(path));
        }
    }

    public void Rename(string from, string to)
    {
        lock (_gate)
        {
            Begin(DiskOperationKind.Rename, from);
            _ = File(from);
            Parent(from).Rename(Path.GetFileName(from), Path.GetFileName(to));
        }
    }

    public long FreeBytes(string directory) => CapacityBytes == long.MaxValue ? long.MaxValue : CapacityBytes - UsedBytes;

    public IDisposable? TryLockDirectory(string directory)
    {
        lock (_gate) return _locked.Add(directory) ? new HeldLock(this, directory) : null;
    }

    internal int Read(MemoryInode inode, long offset, Span<byte> destination)
    {
        lock (_gate)
        {
            ThrowIfCrashed();
            if (offset >= inode.Length) return 0;
            var count = (int)Math.Min(destination.Length, inode.Length - offset);
            inode.Bytes.Slice((int)offset, count).CopyTo(destination);
            return count;
        }
    }

    internal void Write(MemoryInode inode, string path, long offset, ReadOnlySpan<byte> source)
    {
        lock (_gate)
        {
            Begin(DiskOperationKind.Write, path);
            var room = FreeBytes(path) - Math.Max(0, offset - inode.Length);
            var growth = offset + source.Length - Math.Max(offset, inode.Length);
            var fitting = growth <= room ? source.Length : (int)Math.Max(0, source.Length - (growth - room));
            var untilCrash = (int)Math.Min(fitting, CrashAtByte - BytesWritten);
            if (untilCrash > 0) inode.Write((int)offset, source[..untilCrash]);
            BytesWritten += untilCrash;
            if (BytesWritten >= CrashAtByte) Crash();
            if (fitting < source.Length) throw new DiskFullException(path, "no space left on the simulated disk");
        }
    }

    internal void SetLength(MemoryInode inode, string path, long length, DiskOperationKind kind)
    {
        lock (_gate)
        {
            Begin(kind, path);
            if (length - inode.Length > FreeBytes(path)) throw new DiskFullException(path, "no space left on the simulated disk");
            inode.SetLength((int)length);
        }
    }

    internal void Sync(MemoryInode inode, string path)
    {
        lock (_gate)
        {
            try
            {
                Begin(DiskOperationKind.SyncFile, path);
            }
            catch (WalIOException)
            {
                inode.FailSync();
                throw;
            }

            inode.Sync();
        }
    }

    private void Begin(DiskOperationKind kind, string path)
    {
        ThrowIfCrashed();
        switch (Faults(new(Operations++, kind, path)))
        {
            case DiskFault.InputOutput:
                throw new WalIOException(kind.ToString(), path, InputOutputError, "simulated I/O error");
            case DiskFault.Full:
                throw new DiskFullException(path, "simulated full disk");
            case DiskFault.Crash:
                Crash();
                break;
        }
    }

    private void Crash()
    {
        Crashed = true;
        throw new SimulatedCrashException();
    }

    private void ThrowIfCrashed()
    {
        if (Crashed) throw new SimulatedCrashException();
    }

    private static IEnumerable<MemoryInode> Inodes(MemoryDirectory directory) =>
        directory.Names.Values.SelectMany(n => n is MemoryDirectory d ? Inodes(d) : [(MemoryInode)n]);

    private object? TryFind(string path)
    {
        ThrowIfCrashed();
        object? node = _root;
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
            node = node is MemoryDirectory directory && directory.Names.TryGetValue(part, out var child) ? child : null;
        return node;
    }

    private MemoryDirectory Directory(string path) => TryFind(path) as MemoryDirectory ?? throw new DirectoryNotFoundException(path);

    private MemoryDirectory Parent(string path) => Directory(Path.GetDirectoryName(path) ?? "/");

    private MemoryInode File(string path) => TryFind(path) as MemoryInode ?? throw new FileNotFoundException(path, path);

    private sealed class HeldLock(FaultyFileSystem disk, string directory) : IDisposable
    {
        public void Dispose()
        {
            lock (disk._gate) disk._locked.Remove(directory);
        }
    }
}
