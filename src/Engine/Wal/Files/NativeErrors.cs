using System.ComponentModel;

namespace GrainDb.Engine.Wal;

/// <summary>Turns what the framework and the system report into the two exceptions of the file interface.</summary>
internal static class NativeErrors
{
    // Linux and macOS agree on ENOSPC; EDQUOT differs. Windows: ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL.
    private const int NoSpace = 28;
    private const int WindowsHandleDiskFull = 39;
    private const int WindowsDiskFull = 112;

    private static int QuotaExceeded => OperatingSystem.IsMacOS() ? 69 : 122;

    public static bool IsFileError(Exception exception) =>
        exception is (IOException or UnauthorizedAccessException) and not (FileNotFoundException or DiskFullException or WalIOException);

    public static void Run(string operation, string path, Action<string> action) =>
        Run<object?>(operation, path, p =>
        {
            action(p);
            return null;
        });

    public static T Run<T>(string operation, string path, Func<string, T> action)
    {
        try
        {
            return action(path);
        }
        catch (Exception exception) when (IsFileError(exception))
        {
            throw Translate(operation, path, exception);
        }
    }

    /// <summary>On Unix the framework puts the raw error number into HResult; on Windows it wraps it.</summary>
    public static IOException Translate(string operation, string path, Exception exception)
    {
        var code = exception.HResult;
        if (OperatingSystem.IsWindows()) code &= 0xFFFF;
        return IsFull(code) ? new DiskFullException(path, exception.Message) : new WalIOException(operation, path, code, exception.Message);
    }

    public static IOException FromErrno(string operation, string path, int errno)
    {
        var message = new Win32Exception(errno).Message;
        return IsFull(errno) ? new DiskFullException(path, $"{operation}: {message}") : new WalIOException(operation, path, errno, message);
    }

    private static bool IsFull(int code) => OperatingSystem.IsWindows()
        ? code is WindowsHandleDiskFull or WindowsDiskFull
        : code == NoSpace || code == QuotaExceeded;
}
