using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>A system call on a file failed for another reason than a full disk.</summary>
public sealed class WalIOException : IOException
{
    /// <summary>Names the call, the file and the error number of the system.</summary>
    public WalIOException(string operation, string path, int errno, string reason)
        : base($"{operation} failed on {path}: {reason} (error {errno})")
    {
        Operation = operation;
        Path = path;
        Errno = errno;
    }

    /// <summary>The call, for example <c>fdatasync</c>.</summary>
    public string Operation { get; }

    /// <summary>The file or directory.</summary>
    public string Path { get; }

    /// <summary>The system's error number; 0 when there was none.</summary>
    public int Errno { get; }
}

/// <summary>
/// There is no room. Thrown by the log before anything of a batch was written: certainly nothing of it is in the log, and
/// the next attempt probes again.
/// </summary>
public sealed class DiskFullException : IOException
{
    /// <summary>Names the file that could not grow.</summary>
    public DiskFullException(string path, string reason)
        : base($"disk full: {path}: {reason}") => Path = path;

    /// <summary>The file that could not grow.</summary>
    public string Path { get; }
}

/// <summary>
/// A file is damaged in a way that no crash explains. The replica that owns it may have forgotten something: it must not
/// vote, and is rebuilt from its peers.
/// </summary>
public class WalCorruptionException : Exception
{
    /// <summary>Names file, offset and reason.</summary>
    public WalCorruptionException(string file, long offset, string reason)
        : base($"corruption in {file} at offset {offset}: {reason}")
    {
        File = file;
        Offset = offset;
        Reason = reason;
    }

    /// <summary>The damaged file (or the directory, when a file is missing).</summary>
    public string File { get; }

    /// <summary>Byte offset of the first damage; 0 when the file as a whole is wrong.</summary>
    public long Offset { get; }

    /// <summary>What is wrong.</summary>
    public string Reason { get; }
}

/// <summary>
/// A file is sound and of a format version that this program does not know: a newer program wrote it. To this program the replica is as unusable as a damaged one,
/// but nothing of it is lost, and nothing may be removed.
/// </summary>
public sealed class UnknownFormatException : WalCorruptionException
{
    /// <summary>Names the file and the version.</summary>
    public UnknownFormatException(string file, int version)
        : base(file, 0, $"format version {version} is not known: a newer program wrote it")
    {
    }
}

/// <summary>
/// A write or sync failed, now or before. Final for the log: what the failed batch left on the disk is unknown, and an
/// fsync that is repeated after a failure proves nothing (the kernel may have dropped the dirty pages).
/// </summary>
public sealed class WalBrokenException : Exception
{
    /// <summary>Names the reason.</summary>
    public WalBrokenException(string reason, Exception? cause)
        : base($"the log is broken: {reason}", cause) => Reason = reason;

    /// <summary>What failed first.</summary>
    public string Reason { get; }
}

/// <summary>A replay was asked to begin below the oldest retained record.</summary>
public sealed class LogTruncatedException : Exception
{
    /// <summary>Names the oldest record that is still there.</summary>
    public LogTruncatedException(Lsn firstLsn)
        : base($"the log begins at LSN {firstLsn}") => FirstLsn = firstLsn;

    /// <summary>The oldest record that is still there.</summary>
    public Lsn FirstLsn { get; }
}

/// <summary>
/// While something was read or a checkpoint written, the log became another one: its suffix was truncated, or a snapshot was installed. What
/// was read so far was right when it was read; begin again.
/// </summary>
public sealed class LogReplacedException : InvalidOperationException
{
    /// <summary>Says so.</summary>
    public LogReplacedException()
        : base("the log was truncated or replaced by a snapshot meanwhile")
    {
    }
}

/// <summary>Another process uses the data directory.</summary>
public sealed class DirectoryLockedException : IOException
{
    /// <summary>Names the directory.</summary>
    public DirectoryLockedException(string directory)
        : base($"the data directory {directory} is in use by another process") => Directory = directory;

    /// <summary>The directory.</summary>
    public string Directory { get; }
}
