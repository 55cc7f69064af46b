using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>What a replica must not forget, and that is no record of its log.</summary>
/// <param name="PromisedEpoch">No record of a lower epoch is accepted any more.</param>
/// <param name="PromisedNode">The node of the candidate that got the promise; empty before the first one. At most 255 bytes of UTF-8.</param>
/// <param name="PromisedNonce">The candidate's nonce: another activation on the same node is another candidate.</param>
/// <param name="ReplicaState">Member, recovering or broken, in the owner's numbering.</param>
/// <param name="Extension">The owner's own, at most <see cref="HardStateFile.MaxExtensionBytes"/> bytes.</param>
public sealed record HardState(Epoch PromisedEpoch, string PromisedNode, Guid PromisedNonce, byte ReplicaState, ReadOnlyMemory<byte> Extension);
