namespace GrainDb.Engine.Tests.Wal.Disk;

/// <summary>The names in one directory, as seen and as durable. Each change of a name survives a power loss for itself, or not.</summary>
internal sealed class MemoryDirectory
{
    private readonly List<Action<SortedDictionary<string, object>>> _unsynced = [];
    private SortedDictionary<string, object> _durable = new(StringComparer.Ordinal);

    public SortedDictionary<string, object> Names { get; private init; } = new(StringComparer.Ordinal);

    public void Set(string name, object node) => Change(names => names[name] = node);

    public void Remove(string name) => Change(names => names.Remove(name));

    public void Rename(string from, string to)
    {
        var node = Names[from];
        Change(names =>
        {
            if (names.TryGetValue(from, out var present) && ReferenceEquals(present, node)) names.Remove(from);
            names[to] = node;
        });
    }

    public void Sync()
    {
        _durable = new(Names, StringComparer.Ordinal);
        _unsynced.Clear();
    }

    /// <summary>The names stay unsynced; a later sync of the directory is not believed by anybody.</summary>
    public MemoryDirectory AfterPowerLoss(CrashOutcome outcome, Dictionary<MemoryInode, MemoryInode> inodes)
    {
        var names = new SortedDictionary<string, object>(_durable, StringComparer.Ordinal);
        foreach (var change in _unsynced)
        {
            if (outcome.KeepsMetadata()) change(names);
        }

        var restarted = new MemoryDirectory();
        foreach (var (name, node) in names) restarted.Names[name] = Restart(node, outcome, inodes);
        restarted.Sync();
        return restarted;
    }

    private static object Restart(object node, CrashOutcome outcome, Dictionary<MemoryInode, MemoryInode> inodes)
    {
        if (node is MemoryDirectory directory) return directory.AfterPowerLoss(outcome, inodes);
        var inode = (MemoryInode)node;
        if (!inodes.TryGetValue(inode, out var restarted)) inodes[inode] = restarted = inode.AfterPowerLoss(outcome);
        return restarted;
    }

    private void Change(Action<SortedDictionary<string, object>> change)
    {
        change(Names);
        _unsynced.Add(change);
    }
}
