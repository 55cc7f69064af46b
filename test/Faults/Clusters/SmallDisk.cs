using System.Globalization;

namespace GrainDb.Faults.Clusters;

/// <summary>
/// A file system in memory of a fixed size for one node's data. Needs Linux and root. It is taken away with the last process that has a
/// file open in it, so it can be unmounted whatever still runs.
/// </summary>
internal sealed class SmallDisk : IDisposable
{
    private const int Megabyte = 1024 * 1024;

    private readonly string _directory;

    private SmallDisk(string directory) => _directory = directory;

    private string Ballast => Path.Combine(_directory, "ballast");

    /// <returns>Null, or why this machine cannot do it.</returns>
    public static string? WhyNot()
    {
        if (!OperatingSystem.IsLinux())
            return "full disk: only on Linux";
        if (!Environment.IsPrivilegedProcess)
            return "full disk: only as root";
        var directory = Directory.CreateTempSubdirectory("graindb-mount-");
        try
        {
            if (Command.Try("mount", "-t", "tmpfs", "-o", "size=1m", "graindb", directory.FullName) is { } refused)
                return $"full disk: {refused}";
            Command.Run("umount", directory.FullName);
            return null;
        }
        finally
        {
            directory.Delete();
        }
    }

    public static SmallDisk Mount(string directory, int megabytes)
    {
        Directory.CreateDirectory(directory);
        Command.Run("mount", "-t", "tmpfs", "-o", string.Create(CultureInfo.InvariantCulture, $"size={megabytes}m,mode=700"), "graindb", directory);
        return new SmallDisk(directory);
    }

    /// <summary>Takes all the space that is left.</summary>
    public void Fill()
    {
        using var ballast = File.Create(Ballast, bufferSize: 1);
        var block = new byte[Megabyte];
        for (var size = block.Length; size > 0;)
        {
            try
            {
                ballast.Write(block, 0, size);
            }
            catch (IOException)
            {
                size /= 2; // a write that does not fit writes nothing or a part; smaller ones fill the rest
            }
        }
    }

    /// <summary>Gives it back.</summary>
    public void Free() => File.Delete(Ballast);

    public void Dispose() => Command.Try("umount", "--lazy", _directory);
}
