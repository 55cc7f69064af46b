using GrainDb.Grains.Hosting;
using GrainDb.Grains.Placement;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Grains.Meta;

/// <summary>
/// Forms the first configuration of the meta range, once in the life of a database, with nobody to ask for agreement but the
/// bootstrap nodes themselves.
/// <para>
/// Every bootstrap node whose data directory is new makes a meta replica with an id of its own and an unknown configuration: it can
/// follow and promise, and never stand. The first bootstrap node (1) asks all of them for their replica, naming its own;
/// each gives it to one asking replica only, durably, and only while it was never opened and its node belongs to no database; (2) when
/// all have given it, and no live node knows of a database, it writes the configuration of all of them into its manifest. From then
/// on its replica may stand, and the others learn the configuration from its log.
/// </para>
/// <para>
/// At most one configuration is ever formed from replicas that exist: it needs all bootstrap nodes, and each is tied to one asking
/// replica for good. Were the second asker (the first bootstrap node, its disk replaced, while a paused process on the old disk
/// goes on) given the same replicas, two configurations would overlap in replicas that each may count without the other: two majorities
/// that share nobody. A node that lost its disk has a new id, is not tied, and finds the others tied to the old one: it forms
/// nothing and waits to be replaced by a change of membership. If that happens to the first bootstrap node before the database exists, nobody can
/// form one: nothing was stored, and the operator empties the directories of all bootstrap nodes.
/// </para>
/// <para>
/// A crash before (1): the replica's id is in the manifest since the start, the same question is asked again. Between (1) and (2): the same,
/// with the same answers; a peer that lost its disk in between answers with its new replica. After (2): the manifest says so, and nobody is asked again.
/// A peer that loses its disk after it was asked counts as a voter that is down.
/// </para>
/// </summary>
internal sealed class MetaFormation(NodeOptions node, NodeStorage storage, LiveNodes live, IGrainFactory grains)
{
    /// <summary>Whether this is the node that forms the range.</summary>
    public bool IsFormer => node.BootstrapNodes[0] == node.Name;

    /// <summary>Whether this node formed the meta range and has not joined the database yet, which it may then create.</summary>
    public bool MayCreateDatabase => IsFormer && storage.Identity.DatabaseId is null && IsFormedHere(storage.FindReplica(RangeId.Meta));

    /// <summary>Forms the range where that is this node's to do; may be called again and again.</summary>
    /// <returns>Why it is not formed by this node; null when it is, or when that is not this node's to do.</returns>
    public async Task<string?> FormAsync(CancellationToken cancellationToken)
    {
        if (!IsFormer || storage.Identity.DatabaseId is not null)
            return null;
        if (storage.FindReplica(RangeId.Meta) is not { } own)
            return $"node {node.Name} has no replica of the meta range";
        if (!IsFormedHere(own))
        {
            if (await LearnAsync(cancellationToken) is { DatabaseId: { } database })
                return $"database {database} exists already";
            var absent = node.BootstrapNodes.Where(name => live.Find(name) is null).ToList();
            if (absent.Count > 0)
                return $"the database is created when all its bootstrap nodes are there; missing: {string.Join(", ", absent)}";
            var offers = await Task.WhenAll(node.BootstrapNodes.Select(name => grains.GetGrain<INodeGrain>(name).OfferMetaReplicaAsync(own.Id))).WaitAsync(cancellationToken);
            if (Array.Find(offers, offer => offer.Replica is null) is { } refused)
                return $"the meta range cannot be formed: {refused.Refusal}";
            ReplicaDescriptor[] voters = [.. node.BootstrapNodes.Select((name, index) => new ReplicaDescriptor(name, offers[index].Replica!.Value))];
            storage.FormMetaRange(own.Id, new RangeConfiguration(voters, []));
        }

        storage.RememberMetaRange(MetaRangeFile.Formed(storage.FindReplica(RangeId.Meta)!.Initial.Voters), Timestamp.Zero, storage.Identity.DatabaseId);
        return null;
    }

    /// <summary>
    /// Asks all live nodes where the meta range is, and keeps the answer that is newest by what the meta range itself said: so a node that was away while the voters changed finds those of now, also when none of
    /// the old ones is left. Of a node that is in a database by now, others are not heeded: one that was started in the wrong cluster moves nobody's meta range.
    /// </summary>
    /// <returns>What a member of a database said; null when no live node is in one.</returns>
    public async Task<MetaKnowledge?> LearnAsync(CancellationToken cancellationToken)
    {
        MetaKnowledge? member = null;
        var asked = live.Names().Where(name => name != node.Name).Select(name => grains.GetGrain<INodeGrain>(name).GetMetaKnowledgeAsync()).ToList();
        await ((Task)Task.WhenAll(asked)).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        foreach (var answer in asked.Where(answer => answer.IsCompletedSuccessfully).Select(answer => answer.Result))
        {
            storage.RememberMetaRange(answer.MetaRange, answer.AsOf, answer.DatabaseId);
            member = answer.DatabaseId is null ? member : answer;
        }

        return member;
    }

    private static bool IsFormedHere(ReplicaManifest.Entry? own) => own is not null && own.Initial != RangeConfiguration.Unknown;
}
