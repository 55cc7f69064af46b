using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Replication;

/// <summary>
/// How a leader or candidate reaches the other replicas. An answer of null means that none came in time: the request may have been carried
/// out. Requests may be lost, repeated and overtake each other. Implementations do not throw.
/// </summary>
public interface IReplicaTransport
{
    /// <summary>Asks for a promise.</summary>
    Task<PromiseAnswer?> PromiseAsync(ReplicaDescriptor to, PromiseRequest request);

    /// <summary>Sends records or a heartbeat.</summary>
    Task<AppendAnswer?> AppendAsync(ReplicaDescriptor to, AppendRequest request);

    /// <summary>Asks for records of the promised log.</summary>
    Task<FetchAnswer?> FetchAsync(ReplicaDescriptor to, FetchRequest request);

    /// <summary>Sends one block of a snapshot.</summary>
    Task<SnapshotAnswer?> SnapshotAsync(ReplicaDescriptor to, SnapshotChunk chunk);

    /// <summary>Says that the leader stops. Nobody waits for an answer.</summary>
    void Release(ReplicaDescriptor to, ReleaseNotice notice);
}
