using System.Text;
using GrainDb.Engine.Eventual;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Replicas;
using GrainDb.Simulation.Core;

namespace GrainDb.Simulation.Eventual;

/// <summary>What one seed gave.</summary>
/// <param name="Seed">The seed.</param>
/// <param name="Violations">Broken promises; none is what is hoped for.</param>
/// <param name="Succeeded">Operations that succeeded.</param>
/// <param name="Moves">Moves that were finished.</param>
/// <param name="LostDisks">Disks that were lost.</param>
/// <param name="Forgotten">Keys that replicas forgot.</param>
internal sealed record EventualRunResult(int Seed, IReadOnlyList<string> Violations, int Succeeded, int Moves, int LostDisks, long Forgotten);

/// <summary>One run: clients work while things break; then everything is mended, and all replicas have to become equal; then they are judged.</summary>
internal static class EventualRun
{
    private static readonly TimeSpan RestWithin = TimeSpan.FromSeconds(120);

    /// <param name="seed">The seed.</param>
    /// <param name="faults">A deliberate error.</param>
    /// <param name="course">The course that is wanted; null for any.</param>
    /// <param name="policy">The policy that is wanted; null for any.</param>
    /// <param name="trace">Told what happens.</param>
    public static EventualRunResult One(int seed, EventualFaults faults, EventualCourse? course, ConflictPolicy? policy, Trace trace)
    {
        var world = new World(seed, trace);
        var profile = EventualProfile.Draw(world.NewRandom("profile"), faults, course, policy);
        var cluster = new EventualCluster(world, profile);
        var history = new EventualHistory(world, profile);
        List<EventualClient> clients = [.. Enumerable.Range(1, 4).Select(number => new EventualClient(cluster, history, number))];
        world.RunUntil(() => false, profile.Duration);
        cluster.Mend();
        if (!world.RunUntil(() => clients.TrueForAll(client => client.IsDone) && cluster.IsAtRest(), RestWithin) && world.Failures.Count == 0)
            world.Fail($"the mended replicas do not become equal within {RestWithin.TotalSeconds} s:\n{cluster.Describe()}");
        if (world.Failures.Count == 0)
            Judge(cluster, history);
        return new(seed, [.. world.Failures], clients.Sum(client => client.Succeeded), cluster.Moves, cluster.LostDisks, cluster.Forgotten);
    }

    private static void Judge(EventualCluster cluster, EventualHistory history)
    {
        var replicas = cluster.Newest.Members.Select(member => cluster.Node(member.Node).Find(member.Id)!).ToList();
        List<ConflictRecord> conflicts = [.. replicas.SelectMany(replica => replica.GetConflicts(Lsn.Zero, int.MaxValue)).Select(conflict => conflict.Record)];
        foreach (var key in EventualClient.Keys)
        {
            var states = replicas.Select(replica => StateOf(cluster, replica, key)).ToList();
            if (states.Distinct().Count() > 1)
                cluster.World.Fail($"{key} differs although the trees do not: {string.Join(" | ", states)}");
            history.JudgeEnd(key, states[0], conflicts);
        }

        if (!replicas.TrueForAll(replica => replica.VerifyTree()))
            cluster.World.Fail("a tree is not that of its states");
    }

    private static DottedSet StateOf(EventualCluster cluster, EventualReplica replica, string key)
    {
        var state = replica.Read(new StateRequest(replica.Id, cluster.Newest.Version, Encoding.UTF8.GetBytes(key))).State;
        return state.IsEmpty ? DottedSet.Empty : DottedSetCodec.Decode(state);
    }
}
