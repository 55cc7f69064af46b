namespace GrainDb.Engine.Wal;

/// <summary>Creates directories so that they survive a crash.</summary>
public static class DurableDirectory
{
    /// <summary>
    /// Creates the directory and its missing parents, and syncs their names. The name of the parent is synced even when it
    /// was there: a process that was killed after creating it may not have come to that.
    /// </summary>
    public static void Create(IWalFileSystem fileSystem, string directory)
    {
        ArgumentNullException.ThrowIfNull(fileSystem);
        ArgumentException.ThrowIfNullOrEmpty(directory);
        if (fileSystem.DirectoryExists(directory)) return;
        if (Parent(directory) is { Length: > 0 } parent)
        {
            if (fileSystem.DirectoryExists(parent)) SyncEntry(fileSystem, parent);
            else Create(fileSystem, parent);
        }

        fileSystem.CreateDirectory(directory);
        SyncEntry(fileSystem, directory);
    }

    /// <summary>Makes the name of an existing directory durable.</summary>
    internal static void SyncEntry(IWalFileSystem fileSystem, string directory)
    {
        var parent = Parent(directory);
        if (parent is not null) fileSystem.SyncDirectory(parent.Length == 0 ? "." : parent);
    }

    // Null for a root.
    private static string? Parent(string directory) => Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(directory));
}
