namespace GrainDb.Interfaces.Changes;

/// <summary>Bounds of change feeds that several layers share.</summary>
public static class ChangeLimits
{
    /// <summary>Changes after which an answer of a range ends.</summary>
    public const int MaxChangesPerAnswer = 2_000;

    /// <summary>Bytes of keys and values after which an answer of a range ends.</summary>
    public const int MaxBytesPerAnswer = 1024 * 1024;

    /// <summary>
    /// How long a range waits for news before it answers that there are none. Callers ask again; a grain with a call that waits
    /// cannot move, unless it is asked to.
    /// </summary>
    public static readonly TimeSpan MaxRangeWait = TimeSpan.FromSeconds(10);

    /// <summary>A feed tells at least this often how far it is complete.</summary>
    public static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(5);
}
