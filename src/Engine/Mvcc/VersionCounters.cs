namespace GrainDb.Engine.Mvcc;

/// <summary>What a store holds physically: also what the collector would remove but has not reached yet.</summary>
internal sealed class VersionCounters
{
    public long Keys;
    public long LiveKeys;
    public long Versions;
    public long Tombstones;
    public long Expiring;
    public long PayloadBytes;

    /// <summary>Whether a pass of the collector could find something to remove.</summary>
    public bool MayHoldGarbage => Versions > Keys || Tombstones > 0 || Expiring > 0;

    /// <summary>A version came or (with <paramref name="sign"/> -1) went; its key is counted by the caller.</summary>
    public void CountVersion(in VersionEntry entry, int sign)
    {
        Versions += sign;
        PayloadBytes += sign * entry.ValueLength;
        if (entry.IsTombstone)
            Tombstones += sign;
        if (entry.Expires)
            Expiring += sign;
    }
}
