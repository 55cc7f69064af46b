namespace GrainDb.Engine.Mvcc;

/// <summary>How one slice of a scan ended.</summary>
/// <param name="ResumeKey">
/// Null when the interval is finished; else where the next slice begins: inclusive start when scanning forward, exclusive
/// end when scanning in reverse. A slice may end without a row, when it examined many entries that are not visible.
/// </param>
/// <param name="Rows">Rows added.</param>
/// <param name="Bytes">Bytes of their keys and values (of keys alone, when only keys were asked for).</param>
/// <param name="Examined">Versions looked at: what the slice cost.</param>
public readonly record struct MvccScanResult(byte[]? ResumeKey, int Rows, long Bytes, int Examined)
{
    /// <summary>Whether nothing of the interval is left.</summary>
    public bool IsComplete => ResumeKey is null;
}
