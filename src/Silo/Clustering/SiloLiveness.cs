namespace GrainDb.Silo.Clustering;

/// <summary>
/// Who of a membership directory runs. Each silo holds a lock on a file of its own, <c>silos/ADDRESS.alive</c>, from before its row is
/// written until its process ends. The operating system drops the lock with the process, so a free lock proves that the silo is gone; a
/// held one proves only that the process exists (it may be stopped or cut off), and judging that stays with Orleans' probes.
/// An address contains the generation, so a file never gets a second owner.
/// </summary>
public sealed class SiloLiveness(string directory)
{
    private const string Suffix = ".alive";

    private readonly string _directory = System.IO.Path.Combine(directory, "silos");

    /// <summary>Takes the silo's lock for as long as the result lives. The caller holds the table's lock, as all who create or delete here.</summary>
    /// <exception cref="IOException">The silo runs already, or locks have no effect in this directory.</exception>
    public FileLock Hold(SiloAddress silo)
    {
        Directory.CreateDirectory(_directory);
        var path = PathOf(silo);
        var held = FileLock.TryTake(path) ?? throw new IOException($"{path} is locked: silo {silo} runs already");
        if (!FileLock.IsHeld(path))
        {
            held.Dispose();
            throw new IOException($"file locks have no effect in {_directory}: use a local file system, and leave DOTNET_SYSTEM_IO_DISABLEFILELOCKING unset");
        }

        return held;
    }

    /// <summary>Whether the silo's process exists.</summary>
    public bool IsRunning(SiloAddress silo) => FileLock.IsHeld(PathOf(silo));

    /// <summary>Whether any silo of this directory runs.</summary>
    public bool IsAnyRunning() => Directory.Exists(_directory) && Directory.EnumerateFiles(_directory, "*" + Suffix).Any(FileLock.IsHeld);

    /// <summary>Deletes the files of silos that are gone. The caller holds the table's lock.</summary>
    public void Sweep()
    {
        if (!Directory.Exists(_directory))
            return;
        foreach (var path in Directory.EnumerateFiles(_directory, "*" + Suffix).Where(path => !FileLock.IsHeld(path)).ToList())
            File.Delete(path);
    }

    private string PathOf(SiloAddress silo)
    {
        ArgumentNullException.ThrowIfNull(silo);
        return System.IO.Path.Combine(_directory, Uri.EscapeDataString(silo.ToParsableString()) + Suffix);
    }
}
