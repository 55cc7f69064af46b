namespace GrainDb.Engine.Mvcc;

/// <summary>
/// The bytes of a store. Keys stand apart from values: searches compare keys, which are short and so stay dense in caches and in
/// the page tables, and a page of overwritten values dies as a whole without a few keys that hold it.
/// </summary>
internal sealed class VersionSlabs
{
    /// <summary>Length of the first page of keys in bytes.</summary>
    public const int FirstKeyPageBytes = 1024;

    /// <summary>Length of the first page of values in bytes.</summary>
    public const int FirstValuePageBytes = 4 * 1024;

    public readonly SlabPages Keys = new(FirstKeyPageBytes);
    public readonly SlabPages Values = new(FirstValuePageBytes);

    /// <summary>Bytes of all pages.</summary>
    public long AllocatedBytes => Keys.AllocatedBytes + Values.AllocatedBytes;

    /// <summary>Whether a pass to move bytes together pays.</summary>
    public bool EvacuationDue => Keys.EvacuationDue || Values.EvacuationDue;

    /// <summary>Whether pages are marked for evacuation.</summary>
    public bool HasSparsePages => Keys.HasSparsePages || Values.HasSparsePages;

    /// <summary>Marks the pages from which live bytes are to be moved.</summary>
    public void MarkSparsePages()
    {
        Keys.MarkSparsePages();
        Values.MarkSparsePages();
    }

    /// <summary>Ends an evacuation.</summary>
    public void ClearMarks()
    {
        Keys.ClearMarks();
        Values.ClearMarks();
    }
}
