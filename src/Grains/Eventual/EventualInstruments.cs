using System.Diagnostics.Metrics;
using GrainDb.Engine.Eventual;
using GrainDb.Grains.Hosting;

namespace GrainDb.Grains.Eventual;

/// <summary>What a node shows of its eventual replicas and hints when metrics are collected, and what it counts of their repair.</summary>
internal sealed class EventualInstruments(NodeOptions node, EventualHost host, NodeHints hints) : ILifecycleParticipant<ISiloLifecycle>, IDisposable
{
    private readonly KeyValuePair<string, object?> _node = new("node", node.Name);
    private Meter? _meter;

    private static readonly Counter<long> DeliveredHints = NodeInstruments.Meter.CreateCounter<long>(
        "graindb.eventual.hints.delivered", "{hint}", "Hints that their targets took.");

    private static readonly Counter<long> VoidHints = NodeInstruments.Meter.CreateCounter<long>(
        "graindb.eventual.hints.void", "{hint}", "Hints that nobody takes any more, because everything older has been compared since.");

    private static readonly Counter<long> StoredHints = NodeInstruments.Meter.CreateCounter<long>("graindb.eventual.hints.stored", "{hint}", "Hints that were taken in, durably.");

    private static readonly Counter<long> RefusedHints = NodeInstruments.Meter.CreateCounter<long>("graindb.eventual.hints.refused", "{hint}", "Hints that were refused, for a quota, their age or the disk.");

    private static readonly Counter<long> Comparisons = NodeInstruments.Meter.CreateCounter<long>(
        "graindb.eventual.repair.comparisons", "{comparison}", "Comparisons of a replica with all others that this node began; tag complete.");

    private static readonly Counter<long> RepairedKeys = NodeInstruments.Meter.CreateCounter<long>(
        "graindb.eventual.repair.keys", "{key}", "States that comparisons moved; tag direction.");

    private static readonly Counter<long> RepairBytes = NodeInstruments.Meter.CreateCounter<long>(
        "graindb.eventual.repair.bytes", "By", "Bytes that comparisons moved; tag kind: tree or states.");

    private static readonly Counter<long> ForgottenKeys = NodeInstruments.Meter.CreateCounter<long>(
        "graindb.eventual.tombstones.forgotten", "{key}", "Deleted keys that rounds led by this node had forgotten, on all replicas together.");

    public void Participate(ISiloLifecycle observer) => observer.Subscribe(
        nameof(EventualInstruments),
        ServiceLifecycleStage.Active,
        _ =>
        {
            Observe(_meter = new Meter("GrainDb", version: null, tags: [_node]));
            return Task.CompletedTask;
        },
        _ =>
        {
            Dispose();
            return Task.CompletedTask;
        });

    public void Dispose() => _meter?.Dispose();

    /// <summary>A hint came to a node.</summary>
    public static void CountHint(string node, bool isKept) => (isKept ? StoredHints : RefusedHints).Add(1, new KeyValuePair<string, object?>("node", node));

    public void Delivered(HandoffReport report)
    {
        DeliveredHints.Add(report.Delivered, _node);
        VoidHints.Add(report.Voided, _node);
    }

    public void Compared(ExchangeReport report)
    {
        Comparisons.Add(1, _node, new("complete", report.IsComplete));
        RepairedKeys.Add(report.Fetched, _node, new("direction", "fetched"));
        RepairedKeys.Add(report.Sent, _node, new("direction", "sent"));
        RepairBytes.Add(report.TreeBytes, _node, new("kind", "tree"));
        RepairBytes.Add(report.StateBytes, _node, new("kind", "states"));
    }

    public void Forgot(int keys) => ForgottenKeys.Add(keys, _node);

    private void Observe(Meter meter)
    {
        meter.CreateObservableGauge("graindb.eventual.hints.outstanding", () => hints.Store?.Count ?? 0, "{hint}", "Hints that wait for their targets.");
        meter.CreateObservableGauge("graindb.eventual.hints.bytes", () => hints.Store?.Bytes ?? 0, "By", "Bytes of hints that wait for their targets.");
        meter.CreateObservableGauge("graindb.eventual.loaded", () => host.Open.Count(), "{replica}", "Eventual replicas in memory.");
        meter.CreateObservableGauge("graindb.eventual.bytes", () => Sum(figures => figures.Bytes), "By", "Keys and states of eventual replicas in memory.");
        meter.CreateObservableGauge("graindb.eventual.siblings", () => Sum(figures => figures.Conflicted), "{key}", "Keys with more than one sibling, on replicas in memory.");
        meter.CreateObservableGauge("graindb.eventual.tombstones", () => Sum(figures => figures.Mortal), "{key}", "Keys that are deleted or will expire, on replicas in memory.");
        meter.CreateObservableGauge("graindb.eventual.conflicts.resolved", () => Sum(figures => figures.Conflicts), "{conflict}", "Conflicts that ended on replicas in memory.");
        meter.CreateObservableGauge(
            "graindb.eventual.needs_repair",
            () => host.Open.Count(entry => entry.Replica.Standing is { NeedsRepair: true } or { IsJoined: false }),
            "{replica}",
            "Replicas that do not count for reads until they are compared with all others.");
        meter.CreateObservableGauge("graindb.eventual.agreement.age", () => host.OldestAgreement().TotalSeconds, "s", "Time since the replica in memory that waits longest last agreed with all others.");
    }

    private long Sum(Func<EventualReplicaFigures, long> figure) => host.Open.Sum(entry => figure(entry.Replica.GetFigures()));
}
