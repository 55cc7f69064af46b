using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Eventual;

/// <summary>A write that a replica carried out on itself, durably.</summary>
/// <param name="Failure">Why it did not; everything else is meaningless then.</param>
/// <param name="State">The key's encoded state.</param>
/// <param name="Dot">The name of the write.</param>
/// <param name="Timestamp">Its timestamp.</param>
/// <param name="Existed">Whether a value could be read here before.</param>
/// <param name="Epoch">The replica's epoch.</param>
public sealed record LocalWrite(Failure? Failure, ReadOnlyMemory<byte> State, Dot Dot, Timestamp Timestamp, bool Existed, long Epoch)
{
    /// <summary>What the writer has seen.</summary>
    public ReadOnlyMemory<byte> Context { get; init; }

    /// <summary>What is remembered of it, where it may be repeated; null otherwise.</summary>
    public RequestResult? Request { get; init; }

    /// <summary>It was carried out before: everything but the state, which is that of now, is as it was then. The state is empty where all replicas had it and have forgotten it.</summary>
    public bool IsRepeated { get; init; }
}
