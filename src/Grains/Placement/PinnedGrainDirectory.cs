using Orleans.GrainDirectory;

namespace GrainDb.Grains.Placement;

/// <summary>
/// Where grains are that cannot be anywhere else: on the node that their key names. Nothing has to be asked or remembered for that. The cluster's directory
/// keeps its entries on its silos, so that a silo that does not answer would take the whereabouts of other nodes' replicas along, and with
/// them the quorum that is to replace it, until it is declared dead.
/// </summary>
internal sealed class PinnedGrainDirectory(LiveNodes nodes) : IGrainDirectory
{
    public const string Name = "graindb-pinned";

    private static readonly GrainType ReplicaType = GrainType.Create(GrainTypes.Replica);
    private static readonly GrainType LeaderType = GrainType.Create(GrainTypes.Leader);
    private static readonly GrainType EventualReplicaType = GrainType.Create(GrainTypes.EventualReplica);
    private static readonly GrainType NodeType = GrainType.Create(GrainTypes.Node);

    /// <summary>The node that the grain cannot leave; null when it may be anywhere.</summary>
    /// <exception cref="FormatException">Its key is none of its type.</exception>
    public static string? NodeOf(GrainId grain)
    {
        var key = grain.Key.ToString()!;
        if (grain.Type == NodeType)
            return key;
        return grain.Type == ReplicaType || grain.Type == LeaderType || grain.Type == EventualReplicaType ? ReplicaKey.Parse(key).Node : null;
    }

    public Task<GrainAddress?> Lookup(GrainId grainId) => Task.FromResult(Find(grainId));

    /// <summary>Whoever is activated is in the right place, or refuses to be activated.</summary>
    public Task<GrainAddress?> Register(GrainAddress address) => Task.FromResult<GrainAddress?>(address);

    public Task<GrainAddress?> Register(GrainAddress address, GrainAddress? previousAddress) => Task.FromResult<GrainAddress?>(address);

    public Task Unregister(GrainAddress address) => Task.CompletedTask;

    public Task UnregisterSilos(List<SiloAddress> siloAddresses) => Task.CompletedTask;

    /// <summary>Null sends the caller to placement, which says what is wrong.</summary>
    private GrainAddress? Find(GrainId grain)
    {
        try
        {
            return NodeOf(grain) is { } node && nodes.Find(node) is { } silo
                ? new GrainAddress { GrainId = grain, SiloAddress = silo, ActivationId = ActivationId.GetDeterministic(grain) }
                : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }
}
