namespace GrainDb.Engine.Mvcc;

/// <summary>What one slice of collection did.</summary>
/// <param name="Examined">Versions looked at.</param>
/// <param name="FreedKeys">Keys of which nothing is left.</param>
/// <param name="FreedVersions">Versions removed.</param>
/// <param name="FreedBytes">Bytes of the removed keys and values.</param>
/// <param name="MovedBytes">Live bytes copied out of sparse slab pages.</param>
/// <param name="PassComplete">Whether no pass is under way any more: nothing to do until the store or its threshold changes.</param>
public readonly record struct GcProgress(
    int Examined,
    int FreedKeys,
    int FreedVersions,
    long FreedBytes,
    long MovedBytes,
    bool PassComplete)
{
    /// <summary>Nothing was to be done.</summary>
    public static readonly GcProgress Nothing = new(0, 0, 0, 0, 0, PassComplete: true);
}
