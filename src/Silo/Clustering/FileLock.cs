using Microsoft.Win32.SafeHandles;

namespace GrainDb.Silo.Clustering;

/// <summary>
/// An exclusive lock on a file that the operating system releases when the process ends, however it ends. .NET takes it with
/// <c>flock</c> on Unix when a file is opened with <see cref="FileShare.None"/>, and with a share mode on Windows. It belongs to the open
/// file, so two holders in one process exclude each other too.
/// </summary>
public sealed class FileLock : IDisposable
{
    private const int LinuxWouldBlock = 11;
    private const int DarwinWouldBlock = 35;
    private const int WindowsSharingViolation = unchecked((int)0x80070020);

    private readonly SafeFileHandle _handle;

    private FileLock(string path, SafeFileHandle handle)
    {
        Path = path;
        _handle = handle;
    }

    public string Path { get; }

    /// <summary>Takes the lock, creating the file; null when somebody else holds it.</summary>
    /// <exception cref="IOException">The file cannot be opened at all.</exception>
    public static FileLock? TryTake(string path)
    {
        try
        {
            return new FileLock(path, File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException exception) when (IsHeldBySomebody(exception))
        {
            return null;
        }
    }

    /// <summary>
    /// Takes the lock within <paramref name="patience"/>, asking again after pauses that grow to <see cref="LongestPause"/>. Holders keep
    /// it for a few milliseconds, so whoever waits longer has found a stopped process.
    /// </summary>
    /// <exception cref="TimeoutException">Somebody held it all the time.</exception>
    public static async Task<FileLock> TakeAsync(string path, TimeSpan patience, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        var started = time.GetTimestamp();
        var pause = TimeSpan.FromMilliseconds(1);
        while (true)
        {
            if (TryTake(path) is { } taken)
                return taken;
            if (time.GetElapsedTime(started) >= patience)
                throw new TimeoutException($"{path} has been locked by another process for more than {patience.TotalSeconds} s; is a node's process stopped?");
            await Task.Delay(pause, time);
            pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, LongestPause.Ticks));
        }
    }

    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(16);

    /// <summary>
    /// Whether somebody holds the lock. No file: nobody. Looks with a shared lock, so that lookers do not see each other. Any other error
    /// is thrown: not being able to look must never pass for "nobody".
    /// </summary>
    public static bool IsHeld(string path)
    {
        try
        {
            using var looked = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            return false;
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
        catch (IOException exception) when (IsHeldBySomebody(exception))
        {
            return true;
        }
    }

    /// <summary>Writes a note for people into the locked file.</summary>
    public void Write(string text)
    {
        RandomAccess.SetLength(_handle, 0);
        RandomAccess.Write(_handle, System.Text.Encoding.UTF8.GetBytes(text), 0);
    }

    public void Dispose() => _handle.Dispose();

    private static bool IsHeldBySomebody(IOException exception) =>
        exception.HResult is LinuxWouldBlock or DarwinWouldBlock or WindowsSharingViolation;
}
