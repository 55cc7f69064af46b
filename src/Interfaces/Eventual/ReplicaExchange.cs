namespace GrainDb.Interfaces.Eventual;

/// <summary>What a replica did with a request of another one. Everything but <see cref="Done"/> changed nothing.</summary>
public enum EventualOutcome : byte
{
    /// <summary>Done, durably.</summary>
    Done,

    /// <summary>There is no such replica here.</summary>
    UnknownReplica,

    /// <summary>The replica knows a newer configuration of the partition.</summary>
    OldConfiguration,

    /// <summary>
    /// The states were read before the replica forgot tombstones that everybody had: they might bring deleted data back. Read again, and send that.
    /// </summary>
    OldEpoch,

    /// <summary>The replica is new and has not yet learned since when states may be taken.</summary>
    Joining,

    /// <summary>It cannot write now: its disk is full, its queue too long, or its log broken.</summary>
    Unable,

    /// <summary>The round is not the one that the replica began, or it was restarted since.</summary>
    UnknownRound,
}

/// <summary>The state of a key.</summary>
/// <param name="Key">The user's key.</param>
/// <param name="State">Its encoded state; empty for a key that was never written or is forgotten.</param>
[GenerateSerializer, Immutable, Alias("graindb.key-state")]
public readonly record struct KeyState([property: Id(0)] ReadOnlyMemory<byte> Key, [property: Id(1)] ReadOnlyMemory<byte> State);

/// <summary>States for a replica to merge: a write that another one coordinated, the repair of a read, a hint, or a part of an exchange.</summary>
/// <param name="Replica">Incarnation of the replica that is meant.</param>
/// <param name="Configuration">Version of the configuration by which the sender goes.</param>
/// <param name="Epoch">The sender's epoch when it read the states; of states from several, the lowest.</param>
/// <param name="Items">The states. Of a message that is refused some may have been merged, which does no harm.</param>
[GenerateSerializer, Immutable, Alias("graindb.merge-request")]
public sealed record MergeRequest(
    [property: Id(0)] Guid Replica, [property: Id(1)] long Configuration, [property: Id(2)] long Epoch, [property: Id(3)] KeyState[] Items)
{
    /// <summary>Writes that made states among the items, as far as they may be repeated: they become durable with them.</summary>
    [Id(5)]
    public RequestResult[] Requests { get; init; } = [];
}

/// <summary>Answer to everything that only succeeds or fails.</summary>
/// <param name="Outcome">What was done.</param>
/// <param name="Detail">Why not; empty when it was.</param>
[GenerateSerializer, Immutable, Alias("graindb.merge-answer")]
public sealed record MergeAnswer([property: Id(0)] EventualOutcome Outcome, [property: Id(1)] string Detail)
{
    /// <summary>The replica's version of the configuration.</summary>
    [Id(2)]
    public long Configuration { get; init; }

    /// <summary>The replica may lack something that it had acknowledged: it does not count for reads.</summary>
    [Id(3)]
    public bool NeedsRepair { get; init; }
}

/// <summary>Asks for the state of a key.</summary>
/// <param name="Replica">Incarnation of the replica that is meant.</param>
/// <param name="Configuration">Version of the configuration by which the sender goes.</param>
/// <param name="Key">The user's key.</param>
[GenerateSerializer, Immutable, Alias("graindb.state-request")]
public sealed record StateRequest([property: Id(0)] Guid Replica, [property: Id(1)] long Configuration, [property: Id(2)] ReadOnlyMemory<byte> Key);

/// <summary>Answer to <see cref="StateRequest"/>.</summary>
/// <param name="Outcome">Whether it was answered.</param>
/// <param name="State">The state; empty for a key that is not there.</param>
/// <param name="Epoch">The replica's epoch when it read the state.</param>
/// <param name="NeedsRepair">See <see cref="MergeAnswer.NeedsRepair"/>.</param>
[GenerateSerializer, Immutable, Alias("graindb.state-answer")]
public sealed record StateAnswer(
    [property: Id(0)] EventualOutcome Outcome, [property: Id(1)] ReadOnlyMemory<byte> State, [property: Id(2)] long Epoch, [property: Id(3)] bool NeedsRepair);

/// <summary>Begins the comparison of two replicas. Configuration and epoch are durable where they were new before this is answered.</summary>
/// <param name="Replica">Incarnation of the replica that is meant.</param>
/// <param name="Configuration">Version of the configuration by which the sender goes.</param>
/// <param name="Epoch">The sender's epoch: whoever has joined may enter it too.</param>
[GenerateSerializer, Immutable, Alias("graindb.exchange-request")]
public sealed record ExchangeRequest([property: Id(0)] Guid Replica, [property: Id(1)] long Configuration, [property: Id(2)] long Epoch);

/// <summary>Answer to <see cref="ExchangeRequest"/>.</summary>
/// <param name="Outcome">Whether it was answered.</param>
/// <param name="Root">Root of the replica's tree.</param>
/// <param name="Epoch">The replica's epoch.</param>
/// <param name="NeedsRepair">See <see cref="MergeAnswer.NeedsRepair"/>.</param>
[GenerateSerializer, Immutable, Alias("graindb.exchange-answer")]
public sealed record ExchangeAnswer([property: Id(0)] EventualOutcome Outcome, [property: Id(1)] ulong Root, [property: Id(2)] long Epoch, [property: Id(3)] bool NeedsRepair);

/// <summary>Asks for the children of nodes of the tree.</summary>
/// <param name="Replica">Incarnation of the replica that is meant.</param>
/// <param name="Configuration">Version of the configuration by which the sender goes.</param>
/// <param name="Level">Level of the nodes, 0 for the root.</param>
/// <param name="Nodes">Which.</param>
[GenerateSerializer, Immutable, Alias("graindb.tree-request")]
public sealed record TreeRequest([property: Id(0)] Guid Replica, [property: Id(1)] long Configuration, [property: Id(2)] int Level, [property: Id(3)] int[] Nodes);

/// <summary>Answer to <see cref="TreeRequest"/>.</summary>
/// <param name="Outcome">Whether it was answered.</param>
/// <param name="Hashes">The children of the first node, of the second, and so on.</param>
[GenerateSerializer, Immutable, Alias("graindb.tree-answer")]
public sealed record TreeAnswer([property: Id(0)] EventualOutcome Outcome, [property: Id(1)] ulong[] Hashes);

/// <summary>Asks for the keys of a leaf of the tree.</summary>
/// <param name="Replica">Incarnation of the replica that is meant.</param>
/// <param name="Configuration">Version of the configuration by which the sender goes.</param>
/// <param name="Leaf">Which leaf.</param>
/// <param name="After">Only keys behind this one; null for all.</param>
/// <param name="MaxBytes">Bytes after which the page ends.</param>
[GenerateSerializer, Immutable, Alias("graindb.leaf-request")]
public sealed record LeafRequest(
    [property: Id(0)] Guid Replica,
    [property: Id(1)] long Configuration,
    [property: Id(2)] int Leaf,
    [property: Id(3)] ReadOnlyMemory<byte>? After,
    [property: Id(4)] int MaxBytes);

/// <summary>A key in a leaf.</summary>
/// <param name="Key">The user's key.</param>
/// <param name="Hash">What stands for its state.</param>
[GenerateSerializer, Immutable, Alias("graindb.leaf-entry")]
public readonly record struct LeafEntry([property: Id(0)] ReadOnlyMemory<byte> Key, [property: Id(1)] ulong Hash);

/// <summary>Answer to <see cref="LeafRequest"/>.</summary>
/// <param name="Outcome">Whether it was answered.</param>
/// <param name="Keys">Ascending.</param>
/// <param name="IsLast">Whether no key of the leaf follows.</param>
[GenerateSerializer, Immutable, Alias("graindb.leaf-answer")]
public sealed record LeafAnswer([property: Id(0)] EventualOutcome Outcome, [property: Id(1)] LeafEntry[] Keys, [property: Id(2)] bool IsLast);

/// <summary>Asks for the states of keys.</summary>
/// <param name="Replica">Incarnation of the replica that is meant.</param>
/// <param name="Configuration">Version of the configuration by which the sender goes.</param>
/// <param name="Keys">Which.</param>
/// <param name="MaxBytes">Bytes after which the answer ends; the first state is always in it.</param>
[GenerateSerializer, Immutable, Alias("graindb.fetch-states")]
public sealed record StatesRequest(
    [property: Id(0)] Guid Replica, [property: Id(1)] long Configuration, [property: Id(2)] ReadOnlyMemory<byte>[] Keys, [property: Id(3)] int MaxBytes);

/// <summary>Answer to <see cref="StatesRequest"/>.</summary>
/// <param name="Outcome">Whether it was answered.</param>
/// <param name="Epoch">The replica's epoch when it read the states.</param>
/// <param name="Items">The first of the keys that were asked for, in that order.</param>
[GenerateSerializer, Immutable, Alias("graindb.states-answer")]
public sealed record StatesAnswer([property: Id(0)] EventualOutcome Outcome, [property: Id(1)] long Epoch, [property: Id(2)] KeyState[] Items);

/// <summary>A step of a round that ends with forgetting tombstones.</summary>
public enum RoundStep : byte
{
    /// <summary>Note what is here now: of this, tombstones may go at the end.</summary>
    Begin,

    /// <summary>Everybody has what anybody had when the round began: states that are read from now on show it.</summary>
    Enter,

    /// <summary>All have entered, and no older hint is outstanding: take nothing older any more, and forget.</summary>
    Collect,
}

/// <summary>One step of a round.</summary>
/// <param name="Replica">Incarnation of the replica that is meant.</param>
/// <param name="Configuration">Version of the configuration by which the round goes; must be the replica's.</param>
/// <param name="Round">Names the round.</param>
/// <param name="Step">Which step.</param>
/// <param name="Epoch">The round's epoch; not for <see cref="RoundStep.Begin"/>.</param>
/// <param name="NotAfter"><see cref="RoundStep.Collect"/>: what was deleted or expired later stays.</param>
[GenerateSerializer, Immutable, Alias("graindb.round-request")]
public sealed record RoundRequest(
    [property: Id(0)] Guid Replica,
    [property: Id(1)] long Configuration,
    [property: Id(2)] Guid Round,
    [property: Id(3)] RoundStep Step,
    [property: Id(4)] long Epoch,
    [property: Id(5)] Keys.Timestamp NotAfter)
{
    /// <summary>What the replica noted when the round began: a beginning that arrived twice must not move it. Not for <see cref="RoundStep.Begin"/>.</summary>
    [Id(6)]
    public Replicas.Lsn Mark { get; init; }
}

/// <summary>Answer to <see cref="RoundRequest"/>.</summary>
/// <param name="Outcome">Whether it was done.</param>
/// <param name="Epoch">The replica's epoch.</param>
/// <param name="Forgotten">Keys that were forgotten.</param>
/// <param name="IsComplete">Whether none is left to forget.</param>
[GenerateSerializer, Immutable, Alias("graindb.round-answer")]
public sealed record RoundAnswer([property: Id(0)] EventualOutcome Outcome, [property: Id(1)] long Epoch, [property: Id(2)] int Forgotten, [property: Id(3)] bool IsComplete)
{
    /// <summary><see cref="RoundStep.Begin"/>: the position that the replica noted.</summary>
    [Id(4)]
    public Replicas.Lsn Mark { get; init; }
}
