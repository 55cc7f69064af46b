namespace GrainDb.Interfaces.Eventual;

/// <summary>How many replicas a request of an eventual keyspace waits for.</summary>
public enum EventualLevelKind : byte
{
    /// <summary>A majority.</summary>
    Quorum,

    /// <summary>One.</summary>
    One,

    /// <summary>Every one.</summary>
    All,

    /// <summary>So many (<c>r=n</c>, <c>w=n</c>).</summary>
    Count,
}

/// <summary>How many replicas a request of an eventual keyspace waits for. Writes and reads always go to all of them.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Count">For <see cref="EventualLevelKind.Count"/>: from 1.</param>
[GenerateSerializer, Immutable, Alias("graindb.eventual-level")]
public readonly record struct EventualLevel([property: Id(0)] EventualLevelKind Kind, [property: Id(1)] int Count)
{
    /// <summary>A majority.</summary>
    public static readonly EventualLevel Quorum;

    /// <summary>One.</summary>
    public static readonly EventualLevel One = new(EventualLevelKind.One, 0);

    /// <summary>Every one.</summary>
    public static readonly EventualLevel All = new(EventualLevelKind.All, 0);

    /// <summary>So many.</summary>
    public static EventualLevel Of(int count) => new(EventualLevelKind.Count, count);

    /// <summary>How many of so many replicas are needed; never more than there are.</summary>
    public int Needed(int replicas) => Kind switch
    {
        EventualLevelKind.One => Math.Min(1, replicas),
        EventualLevelKind.All => replicas,
        EventualLevelKind.Count => Math.Min(Count, replicas),
        _ => (replicas / 2) + 1,
    };
}
