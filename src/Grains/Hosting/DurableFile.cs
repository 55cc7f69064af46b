using GrainDb.Engine.Wal;

namespace GrainDb.Grains.Hosting;

/// <summary>Small files that are read and replaced whole: temporary name, fsync, rename, fsync of the directory.</summary>
internal static class DurableFile
{
    public static byte[] ReadAll(IWalFileSystem files, string path)
    {
        using var file = files.OpenRead(path);
        var bytes = new byte[file.Length];
        var read = 0;
        while (read < bytes.Length)
        {
            var count = file.Read(read, bytes.AsSpan(read));
            if (count == 0)
                throw new WalCorruptionException(path, read, "the file became shorter while it was read");
            read += count;
        }

        return bytes;
    }

    public static void Replace(IWalFileSystem files, string path, ReadOnlySpan<byte> content)
    {
        var temporary = path + ".tmp";
        if (files.FileExists(temporary))
            files.Delete(temporary);
        using (var file = files.Create(temporary))
        {
            file.Write(0, content);
            file.Sync();
        }

        files.Rename(temporary, path);
        files.SyncDirectory(Path.GetDirectoryName(path)!);
    }
}
