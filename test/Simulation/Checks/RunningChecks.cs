using System.Text;
using GrainDb.Engine.Mvcc;
using GrainDb.Engine.Ranges;
using GrainDb.Engine.Replication;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;
using GrainDb.Simulation.Cluster;

namespace GrainDb.Simulation.Checks;

/// <summary>
/// What must hold at every moment, looked at after every event of the node that it is about: what one replica applied every other one
/// applies too, at the same LSN (committed is final); one leader per epoch; no record of an epoch above the promise; closed time never goes back; replicas that applied equally
/// far hold the same; what is known to be decided has no intents any more; what is settled is carried out everywhere.
/// </summary>
internal sealed class RunningChecks(SimulatedCluster cluster, SimulatedRange range)
{
    /// <summary>Of so many changes of the applied position, one compares the whole state.</summary>
    private const int StateEvery = 16;

    private readonly Dictionary<ulong, Applied> _applied = [];
    private readonly Dictionary<ulong, (string State, string Who)> _states = [];
    private readonly Dictionary<Epoch, Candidate> _leaders = [];
    private readonly Dictionary<ReplicaAcceptor, Progress> _progress = [];
    private int _changes;

    private readonly record struct Applied(Epoch Epoch, Timestamp Timestamp, byte Type, int Hash, string Who)
    {
        public bool IsSame(Applied other) => (Epoch, Timestamp, Type, Hash) == (other.Epoch, other.Timestamp, other.Type, other.Hash);
    }

    private sealed class Progress
    {
        public Lsn Applied { get; set; }

        public Timestamp Closed { get; set; }
    }

    /// <summary>Epochs in which somebody led.</summary>
    public int Epochs => _leaders.Count;

    /// <summary>Records that were committed.</summary>
    public int Commits => _applied.Count;

    /// <summary>The first record of a leader is committed.</summary>
    public void OnLeading(RangeLeader leader)
    {
        if (!_leaders.TryAdd(leader.Epoch, leader.Candidate))
            cluster.World.Fail($"two leaders of epoch {leader.Epoch}: {_leaders[leader.Epoch]} and {leader.Candidate}");
    }

    public void After(SimulatedNode node)
    {
        foreach (var replica in node.ReplicasOf(range))
        {
            if (!_progress.TryGetValue(replica, out var progress))
                _progress.Add(replica, progress = new Progress());
            if (replica.Replica.AppliedLsn != progress.Applied)
                OnApplied(node, replica, progress);
            if (replica.Replica.Log.LastEpoch > replica.Replica.Promise.PromisedEpoch)
                cluster.World.Fail($"{node.Name} has a record of epoch {replica.Replica.Log.LastEpoch}, and promised no more than {replica.Replica.Promise.PromisedEpoch}");
            var closed = replica.Closed;
            if (closed < progress.Closed)
                cluster.World.Fail($"closed time goes back on {node.Name}: {progress.Closed}, then {closed}");
            progress.Closed = closed;
        }
    }

    private void OnApplied(SimulatedNode node, ReplicaAcceptor acceptor, Progress progress)
    {
        var replica = acceptor.Replica;
        var from = progress.Applied.Next;
        progress.Applied = replica.AppliedLsn;
        if (node.Disk.Crashed || replica.Log.Status == WalStatus.Broken)
            return;
        if (from < replica.Log.FirstLsn)
            from = replica.Log.FirstLsn; // a checkpoint brought the rest
        if (from <= replica.AppliedLsn)
        {
            foreach (var record in replica.Log.ReplayFrom(from).TakeWhile(record => record.Lsn <= replica.AppliedLsn))
                Compare(node, record);
        }

        if (replica.Transactions.Prepared.ByAge.FirstOrDefault(prepared => replica.Transactions.Decisions.Find(prepared.Id) is not null) is { } orphan)
            cluster.World.Fail($"{node.Name} holds intents of transaction {orphan.Id}, and knows what became of it");
        if (replica.IsLoaded && ++_changes % StateEvery == 0)
            CompareState(node, replica);
    }

    /// <summary>Whether a replica's state is that of every other one that came as far.</summary>
    public void CompareState(SimulatedNode node, RangeReplica replica)
    {
        var state = State(replica);
        if (!_states.TryAdd(replica.AppliedLsn.Value, (state, node.Name)) && _states[replica.AppliedLsn.Value] is var (other, who) && other != state)
            cluster.World.Fail($"{who} and {node.Name} have both applied {replica.AppliedLsn}, and hold\n  {other}\n  {state}");
    }

    private string State(RangeReplica replica)
    {
        var text = new StringBuilder();
        var versions = new List<MvccVersion>();
        foreach (var key in range.Keys)
        {
            versions.Clear();
            replica.Store.History(Encoding.Latin1.GetBytes(key), int.MaxValue, versions);
            if (versions.Count > 0)
                text.Append(key).Append(':');
            foreach (var version in versions)
                text.Append(version.Timestamp).Append(version.IsTombstone ? "-" : Encoding.Latin1.GetString(version.Value.Span)).Append(' ');
        }

        foreach (var block in replica.Transactions.Capture().Blocks(int.MaxValue))
            text.Append("\n    transactions: ").Append(Convert.ToHexString(block));
        return text.ToString();
    }

    private void Compare(SimulatedNode node, in WalRecord record)
    {
        var hash = new HashCode();
        hash.AddBytes(record.Payload.Span);
        var applied = new Applied(record.Epoch, record.Timestamp, record.Type, hash.ToHashCode(), node.Name);
        if (!_applied.TryAdd(record.Lsn.Value, applied) && _applied[record.Lsn.Value] is var before && !before.IsSame(applied))
            cluster.World.Fail($"two records were applied as {record.Lsn}: {before}, then {applied}");
        if (cluster.Settled.OnApplied(range.Descriptor.Id, record) is { } early)
            cluster.World.Fail(early);
    }
}
