using System.Collections.Concurrent;
using GrainDb.Engine.Eventual;
using GrainDb.Engine.Time;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Placement;
using GrainDb.Interfaces.Ranges;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Eventual;

/// <summary>
/// What the node does so that its eventual replicas come to agree with the others: compares them, soon after another node appeared or somebody asked, and from time to time when they changed; has what is deleted
/// forgotten; and puts new replicas in the place of those that are lost (<see cref="EventualReplacement"/>). A few comparisons at a time, each at a bounded rate.
/// </summary>
internal sealed class EventualCare(
    NodeOptions node,
    EventualHost host,
    EventualPartitions partitions,
    EventualTransport transport,
    EventualReplacement replacement,
    EventualInstruments instruments,
    MetaCache meta,
    LiveNodes live,
    EventualOptions options,
    HybridLogicalClock clock,
    TimeProvider time,
    ILogger<EventualCare> logger) : BackgroundLoop
{
    /// <summary>Comparisons that this node leads at a time.</summary>
    private const int MaxAtOnce = 4;

    private static readonly TimeSpan Round = TimeSpan.FromMilliseconds(250);

    /// <summary>After a comparison that did not come to its end although all nodes are there.</summary>
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromSeconds(2);

    /// <summary>The same while a node is away: its return is noticed anyway.</summary>
    private static readonly TimeSpan PauseWhileAway = TimeSpan.FromSeconds(15);

    /// <summary>How often the tree of a replica in memory is made anew from its states, to notice silent errors.</summary>
    private static readonly TimeSpan VerifyInterval = TimeSpan.FromHours(6);

    private readonly ConcurrentDictionary<RangeId, PartitionCare> _cares = new();
    private HashSet<string> _seen = new(StringComparer.Ordinal);
    private MetaSnapshot? _swept;
    private int _running;

    /// <summary>Has this node's replica compared with all others soon.</summary>
    /// <returns>False: it has none.</returns>
    public bool Request(RangeId partition)
    {
        if (!host.Holds(partition))
            return false;
        CareOf(partition).Request();
        return true;
    }

    protected override ILogger Logger => logger;

    protected override async Task RunAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(Round, time);
        while (await timer.WaitForNextTickAsync(stopping))
        {
            try
            {
                RequestForArrivals();
                ForgetGone();
                Begin(stopping);
                await replacement.ReplaceLostAsync(stopping);
            }
            catch (Exception exception) when (exception is not OperationCanceledException || !stopping.IsCancellationRequested)
            {
                EventualHostLog.RoundFailed(logger, exception);
            }
        }
    }

    /// <summary>Whatever a node missed while it was away is wanted there, also where all hints for it were lost.</summary>
    private void RequestForArrivals()
    {
        if (meta.Current is null)
            return;
        var now = live.Names().ToHashSet(StringComparer.Ordinal);
        var arrived = now.Except(_seen).ToHashSet(StringComparer.Ordinal);
        _seen = now;
        if (arrived.Count == 0)
            return;
        foreach (var partition in partitions.Own.Where(partition => partition.Range.Nodes.Any(arrived.Contains)))
            CareOf(partition.Range.Id).Request();
    }

    /// <summary>Partitions that were deleted are gone for good: nothing of them is kept. One that this view does not know yet costs another reference.</summary>
    private void ForgetGone()
    {
        if (meta.Current is not { } snapshot)
            return;
        foreach (var partition in _cares.Keys.Where(partition => snapshot.FindRange(partition) is null && !host.Holds(partition)))
            _cares.TryRemove(partition, out _);
        if (ReferenceEquals(snapshot, _swept))
            return;
        _swept = snapshot;
        transport.ForgetAll(partition => snapshot.FindRange(partition) is null);
    }

    private void Begin(CancellationToken stopping)
    {
        foreach (var partition in partitions.Own)
        {
            if (Volatile.Read(ref _running) >= MaxAtOnce)
                return;
            var care = CareOf(partition.Range.Id);
            if (!care.TryBegin(host.FindOpen(partition.Range.Id), options, time))
                continue;
            Interlocked.Increment(ref _running);
            _ = Task.Run(() => LookAfterAsync(partition, care, stopping), CancellationToken.None);
        }
    }

    private async Task LookAfterAsync(EventualPartition partition, PartitionCare care, CancellationToken stopping)
    {
        try
        {
            var isDone = await CompareAsync(partition, care, stopping);
            care.End(isDone, isDone || !IsWhole(partition) ? PauseWhileAway : PauseAfterFailure, again: !isDone && IsWhole(partition), time);
            if (isDone)
                await ForgetAsync(partition, care, stopping);
        }
        catch (Exception exception)
        {
            care.End(isDone: false, PauseAfterFailure, again: true, time);
            if (exception is not OperationCanceledException || !stopping.IsCancellationRequested)
                EventualHostLog.RoundFailed(logger, exception);
        }
        finally
        {
            care.Leave();
            Interlocked.Decrement(ref _running);
        }
    }

    private async Task<bool> CompareAsync(EventualPartition partition, PartitionCare care, CancellationToken stopping)
    {
        var (id, own) = (partition.Range.Id, partition.Range.On(node.Name)!);
        if ((host.FindOpen(id) ?? await host.FindAsync(id, own.Id)) is not { } replica || replica.Id != own.Id)
            return false;
        if (care.MayVerify(VerifyInterval, time) && !replica.VerifyTree())
        {
            // Comparing by it would overlook what differs. The files have the states: opened again, the tree is made from them.
            EventualHostLog.TreeWrong(logger, id);
            await host.UnloadAsync(id, stopping);
            return false;
        }

        var before = replica.GetFigures();
        var repair = new PartitionRepair(replica, transport, options, time);
        var report = await repair.RunAsync(partition.Configuration, stopping);
        instruments.Compared(report);
        EventualHostLog.Compared(logger, id, report.Differing, report.Fetched, report.Sent, report.TreeBytes, report.StateBytes, report.Problem);
        if (!report.IsComplete)
            return false;
        care.Agreed(before.LastLsn);
        host.NoteAgreement(id, repair.LastAgreement);
        if (before.Standing.NeedsRepair && !replica.Standing.NeedsRepair)
            EventualHostLog.Repaired(logger, id, replica.Id);
        return true;
    }

    /// <summary>The partition's first replica leads, while all nodes are there: otherwise a round would end before anything is forgotten.</summary>
    private async Task ForgetAsync(EventualPartition partition, PartitionCare care, CancellationToken stopping)
    {
        var notAfter = clock.Now().Add(-options.TombstoneAge);
        if (partition.Range.Replicas[0].Node != node.Name || !IsWhole(partition) || host.FindOpen(partition.Range.Id) is not { } replica || !care.MayRound(options, time) || !replica.HasForgettable(notAfter))
            return;
        IReadOnlyList<string> keepers = partition.Keyspace.Sloppy ? [.. meta.Current!.Nodes.Select(row => row.Name)] : [];
        var round = new TombstoneRound(replica, transport, options, new PartitionRepair(replica, transport, options, time), partition.Configuration, Guid.NewGuid());
        if (await round.RunAsync(notAfter, keepers, stopping) is not { } forgotten)
            return;
        instruments.Forgot(forgotten);
        EventualHostLog.Forgotten(logger, partition.Range.Id, forgotten);
    }

    private bool IsWhole(EventualPartition partition) => partition.Range.Nodes.All(name => live.Find(name) is not null);

    private PartitionCare CareOf(RangeId partition) => _cares.GetOrAdd(partition, _ => new PartitionCare());
}
