using Microsoft.Win32.SafeHandles;

namespace GrainDb.Engine.Wal;

/// <summary>One file of <see cref="NativeFileSystem"/>. Reads and writes are the framework's, which report errors; syncs are ours.</summary>
internal sealed class NativeFile : IWalFile
{
    private readonly SafeFileHandle _handle;

    private NativeFile(string path, SafeFileHandle handle)
    {
        Path = path;
        _handle = handle;
    }

    public string Path { get; }

    public long Length => NativeErrors.Run("fstat", Path, _ => RandomAccess.GetLength(_handle));

    // Delete sharing lets Windows replace and delete names that a reader still holds, as Unix does.
    public static NativeFile Open(string path, FileMode mode, FileAccess access) =>
        new(path, NativeErrors.Run("open", path, p => File.OpenHandle(p, mode, access, FileShare.ReadWrite | FileShare.Delete)));

    public int Read(long offset, Span<byte> destination)
    {
        var total = 0;
        try
        {
            while (total < destination.Length)
            {
                var read = RandomAccess.Read(_handle, destination[total..], offset + total);
                if (read == 0) break;
                total += read;
            }
        }
        catch (Exception exception) when (NativeErrors.IsFileError(exception))
        {
            throw NativeErrors.Translate("pread", Path, exception);
        }

        return total;
    }

    public void Write(long offset, ReadOnlySpan<byte> source)
    {
        try
        {
            RandomAccess.Write(_handle, source, offset);
        }
        catch (Exception exception) when (NativeErrors.IsFileError(exception))
        {
            throw NativeErrors.Translate("pwrite", Path, exception);
        }
    }

    public void Preallocate(long length)
    {
        var present = Length;
        if (length > present) NativeCalls.Allocate(this, _handle, Path, present, length);
    }

    public void SetLength(long length) => NativeErrors.Run("ftruncate", Path, _ => RandomAccess.SetLength(_handle, length));

    public void SyncData() => NativeCalls.SyncData(_handle, Path);

    public void Sync() => NativeCalls.Sync(_handle, Path);

    public void Dispose() => _handle.Dispose();
}
