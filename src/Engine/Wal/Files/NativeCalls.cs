using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace GrainDb.Engine.Wal;

/// <summary>The system calls that the framework does not offer, or whose errors it swallows.</summary>
internal static partial class NativeCalls
{
    private const int Interrupted = 4;
    private const int UnixReadOnly = 0;
    private const int LinuxCloseOnExec = 0x80000;
    private const int MacCloseOnExec = 0x1000000;
    private const int MacFullSync = 51;
    private const int LockExclusive = 2;
    private const int LockWithoutWaiting = 4;
    private const int LinuxNotSupported = 95;
    private const int LinuxNoSuchCall = 38;
    private const int ZeroChunkBytes = 1 << 20;

    private static int WouldBlock => OperatingSystem.IsMacOS() ? 35 : 11;

    public static void SyncData(SafeFileHandle handle, string path)
    {
        if (OperatingSystem.IsLinux()) Check("fdatasync", path, () => FDataSync(handle));
        else Sync(handle, path);
    }

    public static void Sync(SafeFileHandle handle, string path)
    {
        if (OperatingSystem.IsWindows())
        {
            if (!FlushFileBuffers(handle)) throw NativeErrors.FromErrno("FlushFileBuffers", path, Marshal.GetLastPInvokeError());
        }
        else if (OperatingSystem.IsMacOS())
        {
            Check("fcntl(F_FULLFSYNC)", path, () => FCntl(handle, MacFullSync));
        }
        else
        {
            Check("fsync", path, () => FSync(handle));
        }
    }

    public static void SyncDirectory(string path)
    {
        if (OperatingSystem.IsWindows()) return; // no such operation; see NativeFileSystem
        using var handle = OpenUnix(path);
        Sync(handle, path);
    }

    public static void Rename(string from, string to)
    {
        if (OperatingSystem.IsWindows()) NativeErrors.Run("rename", from, f => File.Move(f, to, overwrite: true));
        else Check("rename", from, () => RenameUnix(from, to));
    }

    /// <summary>
    /// Allocates [present, length). Where the file system cannot, real zeros are written. A failed attempt may have
    /// allocated a part (ext4 does), so it is cut off again.
    /// </summary>
    public static void Allocate(NativeFile file, SafeFileHandle handle, string path, long present, long length)
    {
        try
        {
            if (!OperatingSystem.IsLinux() || !TryAllocateLinux(handle, path, present, length)) WriteZeros(file, present, length);
        }
        catch (DiskFullException)
        {
            file.SetLength(present);
            throw;
        }
    }

    public static IDisposable? TryLock(string path)
    {
        // The framework's own open already asks for a shared lock, and meets the other holder there.
        var handle = TryOpenLockFile(path);
        if (handle is null || OperatingSystem.IsWindows()) return handle;
        int result, errno;
        do
        {
            result = FLock(handle, LockExclusive | LockWithoutWaiting);
            errno = Marshal.GetLastPInvokeError();
        }
        while (result != 0 && errno == Interrupted);
        if (result == 0) return handle;
        handle.Dispose();
        return errno == WouldBlock ? null : throw NativeErrors.FromErrno("flock", path, errno);
    }

    private static SafeFileHandle? TryOpenLockFile(string path)
    {
        const int windowsSharingViolation = 32;
        var share = OperatingSystem.IsWindows() ? FileShare.None : FileShare.ReadWrite;
        try
        {
            return File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, share);
        }
        catch (Exception exception) when (NativeErrors.IsFileError(exception))
        {
            var held = OperatingSystem.IsWindows() ? (exception.HResult & 0xFFFF) == windowsSharingViolation : exception.HResult == WouldBlock;
            return held ? null : throw NativeErrors.Translate("open", path, exception);
        }
    }

    private static bool TryAllocateLinux(SafeFileHandle handle, string path, long present, long length)
    {
        int result, errno;
        do
        {
            result = FAllocate(handle, 0, present, length - present);
            errno = Marshal.GetLastPInvokeError();
        }
        while (result != 0 && errno == Interrupted);
        if (result == 0) return true;
        return errno is LinuxNotSupported or LinuxNoSuchCall ? false : throw NativeErrors.FromErrno("fallocate", path, errno);
    }

    private static void WriteZeros(NativeFile file, long from, long to)
    {
        var zeros = new byte[Math.Min(ZeroChunkBytes, to - from)];
        for (var offset = from; offset < to;)
        {
            var count = (int)Math.Min(zeros.Length, to - offset);
            file.Write(offset, zeros.AsSpan(0, count));
            offset += count;
        }
    }

    private static SafeFileHandle OpenUnix(string path)
    {
        var closeOnExec = OperatingSystem.IsMacOS() ? MacCloseOnExec : LinuxCloseOnExec;
        int descriptor, errno;
        do
        {
            descriptor = OpenDescriptor(path, UnixReadOnly | closeOnExec);
            errno = Marshal.GetLastPInvokeError();
        }
        while (descriptor < 0 && errno == Interrupted);
        return descriptor >= 0 ? new(descriptor, ownsHandle: true) : throw NativeErrors.FromErrno("open", path, errno);
    }

    /// <summary>
    /// EINTR means that the call did nothing because a signal came first, and is the one result that is repeated; every
    /// other failure of a sync is final, because the kernel may have dropped the dirty pages.
    /// </summary>
    private static void Check(string operation, string path, Func<int> call)
    {
        while (call() != 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            if (errno != Interrupted) throw NativeErrors.FromErrno(operation, path, errno);
        }
    }

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int FDataSync(SafeFileHandle descriptor);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FSync(SafeFileHandle descriptor);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int FCntl(SafeFileHandle descriptor, int command);

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    private static partial int FAllocate(SafeFileHandle descriptor, int mode, long offset, long length);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int FLock(SafeFileHandle descriptor, int operation);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenDescriptor(string path, int flags);

    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RenameUnix(string from, string to);

    [LibraryImport("kernel32", EntryPoint = "FlushFileBuffers", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool FlushFileBuffers(SafeFileHandle handle);
}
