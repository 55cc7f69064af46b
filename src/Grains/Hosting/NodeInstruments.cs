using System.Diagnostics.Metrics;
using GrainDb.Engine.Ranges;
using GrainDb.Engine.Time;
using GrainDb.Grains.Changes;
using GrainDb.Grains.Replicas;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Grains.Hosting;

/// <summary>What a node shows of its storage when metrics are collected.</summary>
internal sealed class NodeInstruments(NodeOptions node, ReplicaHost host, HybridLogicalClock clock, ChangeFeed feeds, TimeProvider time)
    : ILifecycleParticipant<ISiloLifecycle>, IDisposable
{
    public static readonly Meter Meter = new("GrainDb");

    /// <summary>The node's own: several nodes can share a process, and a stopped one must not be observed.</summary>
    private Meter? _meter;

    public void Participate(ISiloLifecycle observer) => observer.Subscribe(
        nameof(NodeInstruments),
        ServiceLifecycleStage.Active,
        _ =>
        {
            Observe(_meter = new Meter("GrainDb", version: null, tags: [new("node", node.Name)]));
            return Task.CompletedTask;
        },
        _ =>
        {
            Dispose();
            return Task.CompletedTask;
        });

    public void Dispose() => _meter?.Dispose();

    private void Observe(Meter meter)
    {
        meter.CreateObservableGauge(
            "graindb.range.unavailable",
            () => host.Report().Replicas.Count(replica => replica.State is ReplicaState.Broken or ReplicaState.ReadOnly),
            "{range}",
            "Replicas of this node that are broken or take no writes.");
        meter.CreateObservableGauge("graindb.range.loaded", () => host.Open.Count(), "{range}", "Replicas in memory.");
        meter.CreateObservableGauge(
            "graindb.replica.lag",
            LargestLag,
            "{record}",
            "Records that a voter of a range led here lacks: the largest number of all.");
        meter.CreateObservableGauge(
            "graindb.mvcc.allocated",
            () => host.Open.Sum(entry => entry.Slot.Replica?.GetFigures().AllocatedBytes ?? 0),
            "By",
            "Memory of the version chains.");
        meter.CreateObservableGauge(
            "graindb.gc.threshold.age",
            () => OldestThresholdAge().TotalSeconds,
            "s",
            "Age of the oldest GC threshold of a range in memory that has one.");
        meter.CreateObservableGauge(
            "graindb.txn.undecided",
            () => host.Open.Sum(entry => entry.Slot.Leader?.UndecidedTransactions ?? 0),
            "{transaction}",
            "Transactions that stand prepared in ranges led here and are not decided; in each range that they wrote.");
        meter.CreateObservableGauge(
            "graindb.txn.unsettled",
            () => host.Open.Sum(entry => entry.Slot.Leader?.UnsettledTransactions ?? 0),
            "{transaction}",
            "Commits that ranges led here have decided for other ranges too, which these have not all confirmed.");
        meter.CreateObservableGauge("graindb.watch.streams", () => feeds.Open, "{stream}", "Change feeds that are open on this node.");
        meter.CreateObservableGauge(
            "graindb.range.watchers",
            () => host.Open.Sum(entry => entry.Slot.Leader?.Watchers ?? 0),
            "{call}",
            "Calls that wait for a change of a range that is led here.");
        meter.CreateObservableCounter(
            "graindb.clock.refused", () => clock.RefusedCount, "{timestamp}", "Timestamps refused because they were too far ahead.");
    }

    private long LargestLag() => host.Open
        .Select(entry => entry.Slot.Leader is { IsStopped: false, HasLease: true } leader ? LagOf(leader) : 0)
        .DefaultIfEmpty()
        .Max();

    private static long LagOf(RangeLeader leader)
    {
        var last = (long)leader.Replica.GetFigures().LastLsn.Value;
        return leader.Peers.Select(peer => Math.Max(0, last - (long)peer.Match.Value)).DefaultIfEmpty().Max();
    }

    private TimeSpan OldestThresholdAge()
    {
        var thresholds = host.Report().Replicas.Where(replica => !replica.GcThreshold.IsZero).Select(replica => replica.GcThreshold.ToTime()).ToList();
        return thresholds.Count == 0 ? TimeSpan.Zero : time.GetUtcNow() - thresholds.Min();
    }
}
