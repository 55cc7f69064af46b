using GrainDb.Engine.Wal;

namespace GrainDb.Engine.Tests.Wal.Disk;

/// <summary>An open file of a <see cref="FaultyFileSystem"/>; it stays readable when its name is gone.</summary>
internal sealed class MemoryFile(FaultyFileSystem disk, string path, MemoryInode inode) : IWalFile
{
    public string Path => path;

    public long Length => inode.Length;

    public int Read(long offset, Span<byte> destination) => disk.Read(inode, offset, destination);

    public void Write(long offset, ReadOnlySpan<byte> source) => disk.Write(inode, path, offset, source);

    public void Preallocate(long length)
    {
        if (length > inode.Length) disk.SetLength(inode, path, length, DiskOperationKind.Preallocate);
    }

    public void SetLength(long length) => disk.SetLength(inode, path, length, DiskOperationKind.SetLength);

    public void SyncData() => disk.Sync(inode, path);

    public void Sync() => disk.Sync(inode, path);

    public void Dispose()
    {
        // nothing happens to a file that is closed
    }
}
