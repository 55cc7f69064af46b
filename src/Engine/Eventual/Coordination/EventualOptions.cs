namespace GrainDb.Engine.Eventual;

/// <summary>Times and bounds of eventual keyspaces; the same on every node of a cluster.</summary>
public sealed record EventualOptions
{
    /// <summary>The defaults.</summary>
    public static readonly EventualOptions Default = new();

    /// <summary>How often a coordinator reads again and sends anew what a replica refused as too old.</summary>
    public int MaxRefreshes { get; init; } = 3;

    /// <summary>Nodes of a tree in one question.</summary>
    public int MaxTreeNodes { get; init; } = 256;

    /// <summary>Bytes of keys in one page of a leaf.</summary>
    public int MaxLeafBytes { get; init; } = 64 << 10;

    /// <summary>Bytes of states in one message of an exchange or a handoff. A single larger state goes alone.</summary>
    public int MaxBatchBytes { get; init; } = 256 << 10;

    /// <summary>Bytes of states that wait for one node, or are under way to it. What finds no room is left to hints and comparisons.</summary>
    public long MaxWaitingBytes { get; init; } = 64 << 20;

    /// <summary>Bytes per second that one exchange or one handoff moves.</summary>
    public int BytesPerSecond { get; init; } = 8 << 20;

    /// <summary>How long a tombstone is kept at least, so that it has reached everybody on the usual ways before a round looks for it.</summary>
    public TimeSpan TombstoneAge { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long after a comparison a replica that changed since is compared with the others again.</summary>
    public TimeSpan CompareInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long after a round that looked for tombstones another one of the partition begins at the earliest.</summary>
    public TimeSpan RoundInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Deliberate errors, to prove that tests see them.</summary>
    internal EventualFaults Faults { get; init; }

    internal bool Has(EventualFaults fault) => Faults.HasFlag(fault);
}
