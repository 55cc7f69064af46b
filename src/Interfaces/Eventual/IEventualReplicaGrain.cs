namespace GrainDb.Interfaces.Eventual;

/// <summary>
/// One replica of an eventual partition, addressed <c>range@node</c> and pinned to that node: while the node is down a call fails, it is never activated elsewhere. A call
/// that gets no answer in time may have been carried out; all but <see cref="CoordinateAsync(CoordinateWrite)"/> may be repeated.
/// </summary>
[Alias("graindb.eventual-replica-grain")]
public interface IEventualReplicaGrain : IGrainWithStringKey
{
    /// <summary>Coordinates a write.</summary>
    [Alias("coordinate-write"), ResponseTimeout("00:01:00")]
    Task<EventualWriteResult> CoordinateAsync(CoordinateWrite request);

    /// <summary>Coordinates a read.</summary>
    [Alias("coordinate-read"), ResponseTimeout("00:01:00")]
    Task<EventualReadResult> CoordinateAsync(CoordinateRead request);

    /// <summary>Merges states; durable before it is answered.</summary>
    [Alias("merge"), ResponseTimeout("00:00:02")]
    Task<MergeAnswer> MergeAsync(MergeRequest request);

    /// <summary>The state of a key.</summary>
    [Alias("state"), ResponseTimeout("00:00:02")]
    Task<StateAnswer> ReadAsync(StateRequest request);

    /// <summary>Begins a comparison.</summary>
    [Alias("open-exchange"), ResponseTimeout("00:00:10")]
    Task<ExchangeAnswer> OpenExchangeAsync(ExchangeRequest request);

    /// <summary>Children of nodes of the tree.</summary>
    [Alias("tree"), ResponseTimeout("00:00:05")]
    Task<TreeAnswer> GetTreeAsync(TreeRequest request);

    /// <summary>A page of the keys of a leaf.</summary>
    [Alias("leaf"), ResponseTimeout("00:00:05")]
    Task<LeafAnswer> GetLeafAsync(LeafRequest request);

    /// <summary>States of keys.</summary>
    [Alias("states"), ResponseTimeout("00:00:05")]
    Task<StatesAnswer> GetStatesAsync(StatesRequest request);

    /// <summary>A step of a round; durable before it is answered.</summary>
    [Alias("step"), ResponseTimeout("00:00:10")]
    Task<RoundAnswer> StepAsync(RoundRequest request);

    /// <summary>What became of a write that may be repeated.</summary>
    [Alias("find-request"), ResponseTimeout("00:00:02")]
    Task<RequestAnswer> FindRequestAsync(RequestQuery query);

    /// <summary>Tells a replica that it may lack something. Returns whether it noted that durably; false also when it is not this one.</summary>
    /// <param name="replica">Incarnation of the replica that is meant.</param>
    [Alias("mark-for-repair"), ResponseTimeout("00:00:05")]
    Task<bool> MarkForRepairAsync(Guid replica);

    /// <summary>Forgets the conflicts of a key that a write ended. Returns whether there were any, when that they are gone is durable; null when the replica cannot say so.</summary>
    /// <param name="key">The user's key.</param>
    /// <param name="winner">The write that stood.</param>
    [Alias("dismiss"), ResponseTimeout("00:00:10")]
    Task<bool?> DismissAsync(ReadOnlyMemory<byte> key, Dot winner);

    /// <summary>Has the replica compared with all others soon. Returns false when there is none here.</summary>
    [Alias("compare"), ResponseTimeout("00:00:05")]
    Task<bool> CompareAsync();

    /// <summary>Writes a checkpoint where something changed.</summary>
    [Alias("checkpoint"), ResponseTimeout("00:01:00")]
    Task CheckpointAsync();
}
