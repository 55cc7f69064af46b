using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Interfaces.Eventual;

/// <summary>A state that a replica did not take, for another node to keep until it does.</summary>
/// <param name="Partition">The partition.</param>
/// <param name="Target">Whose it is.</param>
/// <param name="Key">The user's key.</param>
/// <param name="State">The encoded state, with its original versions.</param>
/// <param name="Epoch">The coordinator's epoch when it read the state.</param>
[GenerateSerializer, Immutable, Alias("graindb.hint")]
public sealed record Hint(
    [property: Id(0)] RangeId Partition,
    [property: Id(1)] ReplicaDescriptor Target,
    [property: Id(2)] ReadOnlyMemory<byte> Key,
    [property: Id(3)] ReadOnlyMemory<byte> State,
    [property: Id(4)] long Epoch);

/// <summary>What became of a hint.</summary>
public enum HintOutcome : byte
{
    /// <summary>Kept, durably.</summary>
    Stored,

    /// <summary>A quota is used up. The target needs a repair; the node remembers that.</summary>
    OverQuota,

    /// <summary>The partition's hints of this epoch are closed.</summary>
    OldEpoch,

    /// <summary>It cannot write now.</summary>
    Unable,
}

/// <summary>Answer to a <see cref="Hint"/>.</summary>
/// <param name="Outcome">What became of it.</param>
/// <param name="Detail">Why it was not kept; empty when it was.</param>
[GenerateSerializer, Immutable, Alias("graindb.hint-answer")]
public sealed record HintAnswer([property: Id(0)] HintOutcome Outcome, [property: Id(1)] string Detail);

/// <summary>Asks a node to keep no hint of a partition any more that is older than an epoch.</summary>
/// <param name="Partition">The partition.</param>
/// <param name="Epoch">Hints below it are refused from now on, durably.</param>
[GenerateSerializer, Immutable, Alias("graindb.close-hints")]
public sealed record CloseHintsRequest([property: Id(0)] RangeId Partition, [property: Id(1)] long Epoch);

/// <summary>Answer to <see cref="CloseHintsRequest"/>.</summary>
/// <param name="IsClosed">Whether they are refused.</param>
/// <param name="Outstanding">Hints below the epoch that the node still keeps.</param>
[GenerateSerializer, Immutable, Alias("graindb.close-hints-answer")]
public sealed record CloseHintsAnswer([property: Id(0)] bool IsClosed, [property: Id(1)] int Outstanding);
