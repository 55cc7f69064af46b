namespace GrainDb.Engine.Mvcc;

/// <summary>
/// One slice of a walk over all versions for those of an interval of time. Blocks in which nothing is new enough are passed over without
/// looking into them; of a chain everything behind the first version that is too old is too.
/// </summary>
internal readonly ref struct ChangeScanner(VersionSlabs slabs, ChangeSelection selection)
{
    /// <summary>What is looked at before the slice ends: versions, and blocks that are passed over.</summary>
    private const int MaxExamined = 2 * 1024;

    /// <summary>Goes on from an entry to before another one.</summary>
    /// <returns>Where the next slice goes on; the end when nothing is left.</returns>
    public TreePosition Scan(TreePosition from, TreePosition to)
    {
        var (leaf, index) = from;
        for (var examined = 0; leaf is not null && examined < MaxExamined; (leaf, index) = (leaf.Next, 0))
        {
            var isLast = ReferenceEquals(leaf, to.Leaf);
            var end = isLast ? to.Index : leaf.Count;
            if (leaf.NewestTimestamp > selection.After.Value)
            {
                ScanLeaf(leaf, index, end);
                examined += end - index;
            }

            examined++;
            if (isLast)
                return TreePosition.End;
        }

        return leaf is null ? TreePosition.End : new(leaf, index);
    }

    private void ScanLeaf(LeafBlock leaf, int index, int end)
    {
        for (; index < end; index++)
        {
            ref var entry = ref leaf.Entries[index];
            if (!selection.Contains(entry.Timestamp) || !selection.Counts(entry.Key(slabs)))
                continue;
            selection.Add(ChangeAt(slabs, leaf, index));
        }
    }

    /// <summary>The version at a place, as a change.</summary>
    public static MvccChange ChangeAt(VersionSlabs slabs, LeafBlock leaf, int index)
    {
        ref var entry = ref leaf.Entries[index];
        var previous = default(Interfaces.Keys.Timestamp);
        if (index + 1 < leaf.Count ? leaf.ContinuesKey(slabs, index + 1) : leaf.Next?.ContinuesKeyOfPrevious(slabs) ?? false)
        {
            ref var older = ref index + 1 < leaf.Count ? ref leaf.Entries[index + 1] : ref leaf.Next!.Entries[0];
            if (older.IsLiveAt(slabs, entry.Timestamp))
                previous = new(older.Timestamp);
        }

        return new(slabs.Keys.Memory(entry.KeyPage, entry.KeyOffset, entry.KeyLength), entry.ToVersion(slabs), previous);
    }
}
