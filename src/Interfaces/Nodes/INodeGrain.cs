using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Interfaces.Nodes;

/// <summary>
/// One node, addressed by its stable name and pinned to it: when the node is down a call fails, it is never activated elsewhere.
/// </summary>
[Alias("graindb.node")]
public interface INodeGrain : IGrainWithStringKey
{
    /// <summary>
    /// Creates empty replicas, all or none, durably listed in the node's manifest before it returns. Those that exist stay as
    /// they are. Nothing else ever creates a replica: one that is missing later is lost, not empty. Refused when the node's
    /// data directory is not the one that the planner knew, when a replica of that id was removed here, or when
    /// another replica of the range is in use here.
    /// </summary>
    /// <returns>Why nothing was created; null when all are there.</returns>
    [Alias("create-replicas"), ResponseTimeout("00:00:30")]
    Task<Failure?> CreateReplicasAsync(ReplicaCreation creation);

    /// <summary>
    /// Ends what this replica does and deletes it with its files. Its id is remembered while the range exists, so that a
    /// creation that comes late does not bring it back. Another replica of the range on this node stays. Refused when it has promised a higher
    /// epoch: whoever leads by now decides.
    /// </summary>
    /// <param name="range">The range.</param>
    /// <param name="replica">The replica's id.</param>
    /// <param name="epoch">Of the leader that wants it.</param>
    /// <returns>Why it is still there; null when it is not.</returns>
    [Alias("remove-replica"), ResponseTimeout("00:00:30")]
    Task<Failure?> RemoveReplicaAsync(RangeId range, Guid replica, Epoch epoch);

    /// <summary>
    /// Asks a bootstrap node for its replica of a meta range that is to be formed around the asking replica. The node gives it to one only,
    /// durably, and only while nothing was ever written to it.
    /// </summary>
    /// <param name="former">Id of the first bootstrap node's replica.</param>
    [Alias("offer-meta-replica"), ResponseTimeout("00:00:05")]
    Task<MetaReplicaOffer> OfferMetaReplicaAsync(Guid former);

    /// <summary>Which database the node belongs to, and where it knows the meta range to be.</summary>
    [Alias("meta-knowledge"), ResponseTimeout("00:00:02")]
    Task<MetaKnowledge> GetMetaKnowledgeAsync();

    /// <summary>
    /// Ends the leaders of these ranges on this node and never lets them lead here again: when it returns, no write to them
    /// can be acknowledged by this node any more.
    /// </summary>
    [Alias("retire-replicas"), ResponseTimeout("00:00:30")]
    Task RetireReplicasAsync(RangeId[] ranges);

    /// <summary>
    /// What the ranges that this node leads remember of a transaction. What is not led is not asked: the answer names the ranges that were.
    /// </summary>
    [Alias("find-transaction"), ResponseTimeout("00:00:05")]
    Task<TransactionMemories> FindTransactionAsync(TransactionId transaction);

    /// <summary>
    /// The same of a transaction whose coordinator is lost; and a range of which nothing of it is known takes nothing of it any more, durably, when this returns. When all ranges were asked, and none knows anything
    /// and none has it prepared, it is over.
    /// </summary>
    [Alias("fence-transaction"), ResponseTimeout("00:00:05")]
    Task<TransactionMemories> FenceTransactionAsync(TransactionId transaction);

    /// <summary>
    /// Heartbeats of many leaders of one node, each an append without records. A replica that is not in memory answers
    /// <see cref="AppendOutcome.Unable"/> and is opened meanwhile.
    /// </summary>
    /// <param name="heartbeats">At most <see cref="RangeHeartbeat.MaxPerCall"/>.</param>
    /// <returns>An answer for each, at its place.</returns>
    [Alias("heartbeat"), ResponseTimeout("00:00:01")]
    Task<AppendAnswer[]> HeartbeatAsync(RangeHeartbeat[] heartbeats);

    /// <summary>Keeps a hint for a replica of another node, or says durably that its target lacks something.</summary>
    [Alias("store-hint"), ResponseTimeout("00:00:02")]
    Task<HintAnswer> StoreHintAsync(Hint hint);

    /// <summary>Refuses older hints of a partition from now on, durably, and says how many there still are.</summary>
    [Alias("close-hints"), ResponseTimeout("00:00:10")]
    Task<CloseHintsAnswer> CloseHintsAsync(CloseHintsRequest request);

    /// <summary>Conflicts that ended at this node's replicas of an eventual keyspace. Opens those that are idle.</summary>
    [Alias("conflicts"), ResponseTimeout("00:00:30")]
    Task<NodeConflicts> GetConflictsAsync(ConflictQuery query);

    /// <summary>What this node holds, without loading anything.</summary>
    [Alias("report"), ResponseTimeout("00:00:05")]
    Task<NodeReport> ReportAsync();
}
