using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Engine.Ranges;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Replicas;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Cluster.Tests.Replication;

/// <summary>One replicated range of a cluster, looked at from inside its nodes, so that nothing has to be reachable for a look.</summary>
internal sealed class WatchedRange(GrainDbCluster cluster, string keyspace, RangeDescriptor descriptor)
{
    public string Keyspace => keyspace;

    public RangeId Id => descriptor.Id;

    public RangeDescriptor Descriptor => descriptor;

    /// <summary>The nodes by index, in the order in which they are to lead.</summary>
    public int[] Order => [.. descriptor.Nodes.Select(IndexOf)];

    /// <summary>Makes a keyspace of one range and waits until the node that comes first in its order leads it and all have everything.</summary>
    public static async Task<WatchedRange> CreateAsync(GrainDbCluster cluster, string keyspace)
    {
        await cluster.Keyspaces(0).CreateAsync(new KeyspaceDescriptor { Name = keyspace }, TestContext.Current.CancellationToken);
        return await FindAsync(cluster, keyspace);
    }

    /// <summary>The only range of a keyspace that is there.</summary>
    public static async Task<WatchedRange> FindAsync(GrainDbCluster cluster, string keyspace)
    {
        MetaSnapshot snapshot = null!;
        await cluster.UntilAsync(async () => await LookAsync(cluster) is { } found && (snapshot = found) is not null);
        var range = new WatchedRange(cluster, keyspace, snapshot.FindKeyspace(keyspace)!.Ranges.Single());
        Assert.Null((await cluster.PutAsync(range.Order[0], keyspace, "first", "value")).Failure);
        await cluster.UntilAsync(() => Task.FromResult(range.Leads(range.Order[0]) && range.IsSettled()));
        return range;
    }

    /// <summary>A new view of the meta range; null while it changes its leader, as it may just after a start.</summary>
    private static async Task<MetaSnapshot?> LookAsync(GrainDbCluster cluster)
    {
        try
        {
            return await cluster.Service<MetaCache>(0).RefreshAsync(TestContext.Current.CancellationToken);
        }
        catch (GrainDbException)
        {
            return null;
        }
    }

    public static int IndexOf(string node) => int.Parse(node["Silo_".Length..], System.Globalization.CultureInfo.InvariantCulture);

    public ReplicaHost Host(int node) => cluster.Service<ReplicaHost>(node);

    /// <summary>What a node says of its replica; null when it has none.</summary>
    public ReplicaReport? Report(int node) => Array.Find(Host(node).Report().Replicas, replica => replica.Range == Id);

    /// <summary>Who stands or leads on a node; null when nobody does.</summary>
    public RangeLeader? LeaderOn(int node) => Host(node).Open.Where(open => open.Range == Id).Select(open => open.Slot.Leader).SingleOrDefault();

    /// <summary>Ends leadership on a node, where there is any, in the name of whoever has it.</summary>
    public async Task ReleaseAsync(int node)
    {
        foreach (var (_, slot) in Host(node).Open.Where(open => open.Range == Id))
        {
            if (slot.Leader is { } leader)
                await Host(node).ReleaseAsync(leader, slot.Activation!);
        }
    }

    /// <summary>Whether a node leads and a quorum lately said so.</summary>
    public bool Leads(int node) => LeaderOn(node) is { IsStopped: false, HasLease: true } leader && leader.Epoch > Epoch.Zero;

    /// <summary>Whether all voters have all that any has, and have applied it.</summary>
    public bool IsSettled(params int[] nodes)
    {
        var reports = (nodes.Length > 0 ? nodes : Order).Select(Report).ToList();
        var last = reports.Max(report => report?.Lsn ?? default);
        return reports.TrueForAll(report => report is { State: ReplicaState.Member } && report.Lsn == last && report.Applied == last);
    }

    /// <summary>What every node has of it and who leads, for a person.</summary>
    public override string ToString() => string.Join("; ", Order.Select(node => $"node {node}: {Report(node)?.State} lsn {Report(node)?.Lsn} applied {Report(node)?.Applied}{(Leads(node) ? " leads" : "")}"));

    /// <summary>Waits until the range is as it shall be when nothing is wrong and somebody uses it: the node that comes first leads, and all have everything.</summary>
    public async Task UntilWholeAsync()
    {
        try
        {
            await cluster.UntilAsync(async () => (await cluster.GetAsync(Order[0], keyspace, "first")).Failure is null && IsSettled() && Leads(Order[0]));
        }
        catch (TimeoutException exception)
        {
            throw new TimeoutException($"{this}{Environment.NewLine}{exception.Message}", exception);
        }
    }

    /// <summary>Everything that a node's own replica holds at a snapshot, without anybody's help.</summary>
    public async Task<IReadOnlyList<ScanItem>> StateOnAsync(int node, Timestamp at)
    {
        var replica = cluster.Service<IGrainFactory>(node).GetGrain<IReplicaGrain>($"{Id}@Silo_{node}");
        var found = new List<ScanItem>();
        var alone = new ReadConsistency(ReadLevel.Eventual, default, default, LocalOnly: true);
        for (byte[]? start = []; start is not null;)
        {
            var scan = new RangeScan(start, null, at, KeyLimits.MaxScanLimit, false, false, KeyLimits.MaxScanPageBytes, null, descriptor.Generation) { Consistency = alone };
            ScanResult page = null!;
            await cluster.UntilAsync(async () => (page = await replica.ScanAsync(scan)).Failure is null); // time has to be closed up to there
            found.AddRange(page.Items);
            start = page.ResumeKey;
        }

        return found;
    }

    /// <summary>All nodes have the same state, and it has these values.</summary>
    public async Task AssertSameStateAsync(Timestamp at, int atLeast)
    {
        var states = new List<string[]>();
        foreach (var node in Order)
            states.Add([.. (await StateOnAsync(node, at)).Select(item => $"{Convert.ToHexString(item.Key.Span)} {item.Version} {Convert.ToHexString(item.Value.Span)}")]);
        Assert.True(states[0].Length >= atLeast, $"{states[0].Length} keys");
        Assert.All(states, state => Assert.Equal(states[0], state));
    }
}
