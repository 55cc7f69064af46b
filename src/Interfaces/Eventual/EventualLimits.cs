namespace GrainDb.Interfaces.Eventual;

/// <summary>Bounds of eventual keyspaces.</summary>
public static class EventualLimits
{
    /// <summary>Most siblings of one key that a write may leave.</summary>
    public const int MaxSiblings = 32;

    /// <summary>
    /// Most bytes of all siblings of one key that a write may leave. What merging brings together comes from at most as many replicas as there are, each within this
    /// bound, and fits a record of the log.
    /// </summary>
    public const int MaxSiblingBytes = 4 << 20;

    /// <summary>Largest value; what a data type holds counts as one value.</summary>
    public const int MaxValueBytes = 1 << 20;

    /// <summary>Most actors that a context names: those that ever wrote the key.</summary>
    public const int MaxActors = 128;

    /// <summary>Most bytes of a context in its encoded form.</summary>
    public const int MaxContextBytes = 4096;

    /// <summary>How far ahead of the coordinator's clock the newest value that a context saw may lie.</summary>
    public static readonly TimeSpan MaxContextAhead = TimeSpan.FromDays(1);
}
