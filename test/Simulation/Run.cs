using System.Text;
using GrainDb.Engine.Ranges;
using GrainDb.Histories;
using GrainDb.Histories.Linearizability;
using GrainDb.Simulation.Changes;
using GrainDb.Simulation.Clients;
using GrainDb.Simulation.Cluster;
using GrainDb.Simulation.Core;
using GrainDb.Simulation.Transactions;

namespace GrainDb.Simulation;

/// <summary>What one seed gave.</summary>
/// <param name="Seed">The seed.</param>
/// <param name="Violations">Broken promises; none is what is hoped for.</param>
/// <param name="Operations">Operations of the clients.</param>
/// <param name="Succeeded">Those that succeeded.</param>
/// <param name="Transactions">Transactions that were ended.</param>
/// <param name="Committed">Those that committed.</param>
/// <param name="Epochs">Leaders that there were.</param>
/// <param name="Events">Steps of the simulation.</param>
internal sealed record RunResult(int Seed, IReadOnlyList<string> Violations, int Operations, int Succeeded, int Transactions, int Committed, int Epochs, long Events);

/// <summary>
/// One run: clients work while things break; then everything is mended, and the cluster has to come to rest with one leader and equal replicas; then
/// the history is judged.
/// </summary>
internal static class Run
{
    /// <summary>How long a mended cluster may take until every transaction is decided, and carried out in every replica.</summary>
    private static readonly TimeSpan IntentsWithin = TimeSpan.FromSeconds(15);

    /// <summary>How long a mended cluster may take until it serves and all replicas are equal.</summary>
    private static readonly TimeSpan RestWithin = TimeSpan.FromSeconds(60);

    public static RunResult One(int seed, RunOptions options, Trace trace)
    {
        var world = new World(seed, trace);
        var profile = Profile.Draw(world.NewRandom("profile"), options);
        var cluster = new SimulatedCluster(world, profile);
        var clients = Enumerable.Range(1, profile.Clients).Select(number => new SimulatedClient(cluster, number)).ToList();
        var buyers = Enumerable.Range(1, profile.TransactionClients).Select(number => new TransactionClient(cluster, number)).ToList();
        var feeds = Enumerable.Range(1, profile.Feeds).Select(number => new FeedReader(cluster, number)).ToList();
        var troubles = new Troublemaker(cluster);
        _ = new ScriptRunner(cluster);
        world.RunUntil(() => false, profile.Duration);
        troubles.Mend();
        bool AreDone() => clients.TrueForAll(client => client.IsDone) && buyers.TrueForAll(buyer => buyer.IsDone);
        if (profile.HasTransactions && !world.RunUntil(() => AreDone() && !HasIntents(cluster), IntentsWithin) && world.Failures.Count == 0)
            world.Fail($"clients or intents are left {IntentsWithin.TotalSeconds} s after everything was mended: {Describe(cluster)}");
        if (!world.RunUntil(() => AreDone() && cluster.Ranges.All(range => Resting(cluster, range) is { } leader && feeds.TrueForAll(feed => feed.CompleteUpTo >= leader.Replica.AppliedTimestamp)), RestWithin)
            && world.Failures.Count == 0)
        {
            world.Fail($"the mended cluster does not come to rest within {RestWithin.TotalSeconds} s{string.Concat(feeds.Select(feed => $", a feed stands at {feed.CompleteUpTo}"))}: {Describe(cluster)}");
        }

        var violations = new List<string>(world.Failures);
        if (violations.Count == 0)
            Judge(cluster, feeds, violations);
        return new RunResult(seed, violations, cluster.History.Snapshot().Count, clients.Sum(client => client.Succeeded), cluster.Recorder.Finished.Count, buyers.Sum(buyer => buyer.Succeeded), cluster.Ranges.Sum(range => range.Checks.Epochs), world.Events);
    }

    /// <summary>
    /// Whether a range has nobody who serves it, or a member that does not know yet that a transaction is decided, or carried out everywhere. A replica that is no member any more, or never became one,
    /// hears of no decision; nobody reads past its intents there either.
    /// </summary>
    private static bool HasIntents(SimulatedCluster cluster) => !cluster.Ranges.All(range => range.Director.Serving is { } leader
        && leader.Configuration.Members.All(member => cluster.Node(member.Node).Find(member.Id) is { Replica: { IsLoaded: true, Transactions: { Prepared.Count: 0, Unsettled.Count: 0 } } }));

    /// <summary>The leader, when it serves, all voters have applied everything, and nothing is left to do.</summary>
    private static RangeLeader? Resting(SimulatedCluster cluster, SimulatedRange range)
    {
        if (range.Director.Serving is not { Configuration: { IsJoint: false } configuration, LostVoters: [] } leader)
            return null;
        var applied = leader.Replica.AppliedLsn;
        return applied == leader.Replica.Log.LastLsn
            && configuration.Voters.All(voter => cluster.Node(voter.Node).Find(voter.Id) is { IsRecovering: false, Replica.IsLoaded: true } replica && replica.Replica.AppliedLsn == applied)
            ? leader
            : null;
    }

    private static void Judge(SimulatedCluster cluster, List<FeedReader> feeds, List<string> violations)
    {
        var versions = new Dictionary<string, IReadOnlyList<KeyVersion>>();
        foreach (var range in cluster.Ranges)
        {
            var leader = Resting(cluster, range)!;
            foreach (var voter in leader.Configuration.Voters)
                range.Checks.CompareState(cluster.Node(voter.Node), cluster.Node(voter.Node).Find(voter.Id)!.Replica);
            foreach (var key in range.Keys)
                versions.Add(key, Versions(leader.Replica, key));
        }

        violations.AddRange(cluster.World.Failures);
        var operations = cluster.History.Snapshot();
        violations.AddRange(VersionsChecker.Check(operations, versions).Select(violation => $"{violation}"));
        violations.AddRange(LinearizabilityChecker.Check(operations).Select(violation => $"{violation}"));
        violations.AddRange(feeds.SelectMany(feed => new FeedJudge(cluster, range => Resting(cluster, range)!.Replica).Judge(feed)));
        if (cluster.Profile.HasTransactions)
            violations.AddRange(new TransactionJudge(cluster, range => Resting(cluster, range)!.Replica).Judge());
    }

    private static IReadOnlyList<KeyVersion> Versions(RangeReplica replica, string key)
    {
        var versions = new List<Engine.Mvcc.MvccVersion>();
        replica.Store.History(Encoding.UTF8.GetBytes(key), int.MaxValue, versions);
        return [.. versions.Select(version => new KeyVersion(version.Timestamp, version.IsTombstone ? null : Encoding.UTF8.GetString(StoredValue.Read(version.Value).Value.Span)))];
    }

    private static string Describe(SimulatedCluster cluster)
    {
        var text = new StringBuilder();
        foreach (var range in cluster.Ranges)
        {
            var serving = range.Director.Serving;
            text.Append($"\n  range {range.Descriptor.Id}: serving {serving?.Candidate.Node ?? "nobody"}, {serving?.Configuration}, lost {serving?.LostVoters.Count}");
            foreach (var node in cluster.Nodes)
            {
                text.Append($"\n    {node.Name} {(node.IsUp ? "up" : "down")}, {node.LeadersOf(range).Count} leaders");
                foreach (var replica in node.ReplicasOf(range))
                    text.Append($"\n      {replica.Id.ToString("N")[^4..]} log {replica.Replica.Log.LastLsn}@{replica.Replica.Log.LastEpoch}, commit {replica.CommitLsn}, applied {replica.Replica.AppliedLsn}, promised {replica.Replica.Promise.PromisedEpoch}, {replica.Replica.Transactions.Prepared.Count} intents, {replica.Replica.Transactions.Unsettled.Count} not settled, recovering {replica.IsRecovering}, {replica.Replica.BrokenReason}, {replica.Configuration}");
            }
        }

        return text.ToString();
    }
}
