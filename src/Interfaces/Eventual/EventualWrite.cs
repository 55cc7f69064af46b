namespace GrainDb.Interfaces.Eventual;

/// <summary>What a write of an eventual key does.</summary>
public enum EventualWriteKind : byte
{
    /// <summary>Stores a value.</summary>
    Put,

    /// <summary>Stores a tombstone.</summary>
    Delete,

    /// <summary>Carries out an operation on a data type.</summary>
    Operate,
}

/// <summary>A write of one eventual key, before anybody minted a dot for it.</summary>
[GenerateSerializer, Immutable, Alias("graindb.eventual-write")]
public sealed record EventualWrite
{
    /// <summary>The user's key.</summary>
    [Id(0)]
    public required ReadOnlyMemory<byte> Key { get; init; }

    /// <summary>What it does.</summary>
    [Id(1)]
    public required EventualWriteKind Kind { get; init; }

    /// <summary>The value of a put.</summary>
    [Id(2)]
    public ReadOnlyMemory<byte> Value { get; init; }

    /// <summary>Media type of the value, at most <see cref="Keys.KeyLimits.MaxContentTypeBytes"/> ASCII bytes; empty for none.</summary>
    [Id(3)]
    public string ContentType { get; init; } = "";

    /// <summary>
    /// What the writer had read, as a read gave it. Without it a put makes a sibling of all that is there (under the policies that have them), and a deletion or a removal takes away what the
    /// coordinating replica knows.
    /// </summary>
    [Id(4)]
    public ReadOnlyMemory<byte> Context { get; init; }

    /// <summary>After this long the value reads as absent; null for never.</summary>
    [Id(5)]
    public TimeSpan? TimeToLive { get; init; }

    /// <summary>For <see cref="EventualWriteKind.Operate"/>.</summary>
    [Id(6)]
    public CrdtOperation? Operation { get; init; }
}
