using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Interfaces.Eventual;

/// <summary>What became of one replica's part in a request.</summary>
public enum EventualReply : byte
{
    /// <summary>It holds the write, or answered the read.</summary>
    Ok,

    /// <summary>It cannot be reached, or did not answer in time.</summary>
    Timeout,

    /// <summary>It answered that it cannot.</summary>
    Error,

    /// <summary>It did not take the write, and another node keeps a hint for it.</summary>
    Hinted,

    /// <summary>It answered, and does not count for reads until it is repaired.</summary>
    NeedsRepair,

    /// <summary>Enough others had answered before it did.</summary>
    Pending,
}

/// <summary>One replica's part in a request.</summary>
/// <param name="Node">Its node.</param>
/// <param name="Reply">What became of it.</param>
/// <param name="Clock">The writes that its state of the key had seen, for a person to read; empty where it is not known.</param>
/// <param name="IsStale">Whether it lacked something that the answer has.</param>
[GenerateSerializer, Immutable, Alias("graindb.eventual-vote")]
public sealed record EventualVote(
    [property: Id(0)] string Node, [property: Id(1)] EventualReply Reply, [property: Id(2)] string Clock, [property: Id(3)] bool IsStale);

/// <summary>The result of a write of an eventual key.</summary>
[GenerateSerializer, Immutable, Alias("graindb.eventual-write-result")]
public sealed record EventualWriteResult
{
    /// <summary>Null when the level was met.</summary>
    [Id(0)]
    public Failure? Failure { get; init; }

    /// <summary>The timestamp of the write.</summary>
    [Id(1)]
    public Timestamp Version { get; init; }

    /// <summary>The name of the write.</summary>
    [Id(2)]
    public Dot Dot { get; init; }

    /// <summary>Whether the coordinator had a value before.</summary>
    [Id(3)]
    public bool Existed { get; init; }

    /// <summary>What the writer has seen now, for his next write.</summary>
    [Id(4)]
    public ReadOnlyMemory<byte> Context { get; init; }

    /// <summary>The node that coordinated it; empty when none was reached.</summary>
    [Id(5)]
    public string Coordinator { get; init; } = "";

    /// <summary>What each replica had said when the write was answered.</summary>
    [Id(6)]
    public IReadOnlyList<EventualVote> Replicas { get; init; } = [];

    /// <summary>The key's encoded state at the coordinator (<see cref="IEventualStates"/>): what a data type holds now.</summary>
    [Id(7)]
    public ReadOnlyMemory<byte> State { get; init; }

    /// <summary>Whether the same request took effect before: then this is its result.</summary>
    [Id(8)]
    public bool IsRepeated { get; init; }

    /// <summary>The partition of the key; the meta range's number, 0, when none was reached.</summary>
    [Id(9)]
    public RangeId Partition { get; init; }

    /// <summary>The coordinator's region; empty when none was reached.</summary>
    [Id(10)]
    public string Region { get; init; } = "";

    /// <summary>A failed write.</summary>
    public static EventualWriteResult Failed(Failure failure) => new() { Failure = failure };
}

/// <summary>The result of reading an eventual key.</summary>
[GenerateSerializer, Immutable, Alias("graindb.eventual-read-result")]
public sealed record EventualReadResult
{
    /// <summary>Null when the level was met.</summary>
    [Id(0)]
    public Failure? Failure { get; init; }

    /// <summary>The merged state, encoded (<see cref="IEventualStates"/>); empty for a key that is not there.</summary>
    [Id(1)]
    public ReadOnlyMemory<byte> State { get; init; }

    /// <summary>What the reader has seen, for his next write.</summary>
    [Id(2)]
    public ReadOnlyMemory<byte> Context { get; init; }

    /// <summary>The node that coordinated it; empty when none was reached.</summary>
    [Id(3)]
    public string Coordinator { get; init; } = "";

    /// <summary>What each replica had said when the read was answered.</summary>
    [Id(4)]
    public IReadOnlyList<EventualVote> Replicas { get; init; } = [];

    /// <summary>The coordinator's clock: what expires is judged by it.</summary>
    [Id(5)]
    public Timestamp Now { get; init; }

    /// <summary>Whether a replica that answered lacked something and was sent it.</summary>
    [Id(6)]
    public bool IsRepaired { get; init; }

    /// <summary>The partition of the key; the meta range's number, 0, when none was reached.</summary>
    [Id(7)]
    public RangeId Partition { get; init; }

    /// <summary>The coordinator's region; empty when none was reached.</summary>
    [Id(8)]
    public string Region { get; init; } = "";

    /// <summary>A failed read.</summary>
    public static EventualReadResult Failed(Failure failure) => new() { Failure = failure };
}
