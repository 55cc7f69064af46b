namespace GrainDb.Engine.Mvcc;

/// <summary>A place in the tree between two changes: an entry, or the end when <see cref="Leaf"/> is null.</summary>
internal readonly record struct TreePosition(LeafBlock? Leaf, int Index)
{
    /// <summary>Behind the last entry.</summary>
    public static readonly TreePosition End;

    /// <summary>The entry; not at the end.</summary>
    public ref VersionEntry Entry => ref Leaf!.Entries[Index];
}
