using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// How a replica of an eventual partition reaches the others, and nodes that keep hints. An answer of null means that none came in time: the request may have been
/// carried out, or may still be. Requests may be lost, repeated and overtake each other. Implementations do not throw.
/// </summary>
public interface IEventualTransport
{
    /// <summary>Whether there is any use in calling a node now. Wrong answers cost time, nothing else.</summary>
    bool IsReachable(string node);

    /// <summary>Sends states to merge.</summary>
    Task<MergeAnswer?> MergeAsync(RangeId partition, ReplicaDescriptor to, MergeRequest request);

    /// <summary>Asks for a state.</summary>
    Task<StateAnswer?> ReadAsync(RangeId partition, ReplicaDescriptor to, StateRequest request);

    /// <summary>Begins a comparison.</summary>
    Task<ExchangeAnswer?> OpenExchangeAsync(RangeId partition, ReplicaDescriptor to, ExchangeRequest request);

    /// <summary>Asks for children of nodes of the tree.</summary>
    Task<TreeAnswer?> GetTreeAsync(RangeId partition, ReplicaDescriptor to, TreeRequest request);

    /// <summary>Asks for the keys of a leaf.</summary>
    Task<LeafAnswer?> GetLeafAsync(RangeId partition, ReplicaDescriptor to, LeafRequest request);

    /// <summary>Asks for states.</summary>
    Task<StatesAnswer?> GetStatesAsync(RangeId partition, ReplicaDescriptor to, StatesRequest request);

    /// <summary>Sends a step of a round.</summary>
    Task<RoundAnswer?> StepAsync(RangeId partition, ReplicaDescriptor to, RoundRequest request);

    /// <summary>Asks what became of a write that may be repeated.</summary>
    Task<RequestAnswer?> FindRequestAsync(RangeId partition, ReplicaDescriptor to, RequestQuery query);

    /// <summary>Tells a replica that it may lack something. True when it noted that durably.</summary>
    Task<bool?> MarkForRepairAsync(RangeId partition, ReplicaDescriptor to);

    /// <summary>Gives a node a hint to keep; may be the own one.</summary>
    Task<HintAnswer?> StoreHintAsync(string node, Hint hint);

    /// <summary>Closes hints of a partition on a node; may be the own one.</summary>
    Task<CloseHintsAnswer?> CloseHintsAsync(string node, CloseHintsRequest request);
}
