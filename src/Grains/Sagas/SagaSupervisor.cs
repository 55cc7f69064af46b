using System.Diagnostics.Metrics;
using System.Text.Json;
using GrainDb.Engine.Ranges;
using GrainDb.Engine.Sagas;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Placement;
using GrainDb.Grains.Ranges;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Sagas;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Sagas;

/// <summary>
/// Makes sagas go on that nobody carries out: each node looks through the live sagas of the ranges of <c>system.sagas</c> that it leads, and wakes those that are overdue. So every live saga has exactly
/// one node that looks after it, whoever fails, without anything that would have to be elected or remembered. A saga that is being carried out appends before it is overdue, or does not mind to be woken.
/// </summary>
internal sealed class SagaSupervisor(
    NodeOptions node, MetaCache meta, LocalRanges local, LiveNodes live, IGrainFactory grains, TimeProvider time, ILogger<SagaSupervisor> logger) : BackgroundLoop
{
    /// <summary>From the end of a round to the next, on average; a round takes at most a tenth of the time.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    /// <summary>A saga that is due is left alone so long: whoever carries it out is at it.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private const int RowsPerPage = 500;
    private const int WakesAtOnce = 32;

    private Meter? _meter;
    private volatile Counts _counts = new(0, 0);
    private HashSet<string> _lastNodes = [];
    private HashSet<RangeId> _lastRanges = [];

    protected override ILogger Logger => logger;

    protected override async Task RunAsync(CancellationToken stopping)
    {
        using var meter = _meter = new Meter("GrainDb", version: null, tags: [new("node", node.Name)]);
        meter.CreateObservableGauge("graindb.saga.live", () => _counts.Live, "{saga}", "Sagas that have not ended, in the ranges that this node leads.");
        meter.CreateObservableGauge("graindb.saga.stuck", () => _counts.Stuck, "{saga}", "Sagas that do not get on by themselves, in the ranges that this node leads.");
        while (!stopping.IsCancellationRequested)
        {
            var began = time.GetTimestamp();
            await RoundAsync(stopping);
            var pause = time.GetElapsedTime(began) * 9;
            pause = (pause > Pause ? pause : Pause) * (0.75 + (Random.Shared.NextDouble() / 2));
            await Task.Delay(pause, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>After a node came or went, and where this node has just begun to lead, nobody may be at those that are due.</summary>
    private async Task RoundAsync(CancellationToken stopping)
    {
        var nodes = live.Names().ToHashSet(StringComparer.Ordinal);
        var isChanged = !nodes.SetEquals(_lastNodes);
        var counts = new Counts(0, 0);
        var led = new HashSet<RangeId>();
        foreach (var range in meta.Current?.FindActive(SystemKeyspaces.Sagas)?.Ranges ?? [])
        {
            if (local.Find(range.Id) is not { } leader)
                continue;
            led.Add(range.Id);
            try
            {
                counts += await LookAfterAsync(leader, range, isChanged || !_lastRanges.Contains(range.Id) ? TimeSpan.Zero : Patience, stopping);
            }
            catch (Exception exception) when (exception is not OperationCanceledException || !stopping.IsCancellationRequested)
            {
                SagasLog.NotSupervised(logger, exception, range.Id);
            }
        }

        (_counts, _lastNodes, _lastRanges) = (counts, nodes, led);
    }

    private async Task<Counts> LookAfterAsync(RangeLeader leader, RangeDescriptor range, TimeSpan patience, CancellationToken stopping)
    {
        var counts = new Counts(0, 0);
        for (var i = 0; i < SagaKeys.Buckets; i++)
        {
            var start = SagaKeys.IndexOf(SagaKeys.BucketName(i), hasEnded: false);
            if (start.AsSpan().SequenceCompareTo(range.Start) < 0 || (range.End is not null && start.AsSpan().SequenceCompareTo(range.End) >= 0))
                continue;
            var end = ScanQuery.EndOfPrefix(start)!.Value.ToArray();
            while (true)
            {
                var page = await leader.ScanAsync(new RangeScan(start, end, Timestamp.Zero, RowsPerPage, Reverse: false, KeysOnly: false, KeyLimits.MaxScanPageBytes, Filter: null, range.Generation));
                if (page.Failure is not null)
                    return counts; // it leads no more
                var rows = Decode(page.Items, range.Id);
                counts += new Counts(page.Items.Count, rows.Count(row => row.Status is SagaStatus.StuckForward or SagaStatus.StuckBackward));
                var overdue = time.GetUtcNow() - patience;
                await Parallel.ForEachAsync(
                    rows.Where(row => row.Due <= overdue), new ParallelOptions { MaxDegreeOfParallelism = WakesAtOnce, CancellationToken = stopping }, async (row, _) => await WakeAsync(row.Id));
                if (page.ResumeKey is not { } resume)
                    break;
                start = resume;
            }
        }

        return counts;
    }

    private async Task WakeAsync(string saga)
    {
        try
        {
            await grains.GetGrain<ISagaGrain>(saga).WakeAsync();
        }
        catch (Exception exception) when (exception is TimeoutException or OrleansException)
        {
            SagasLog.NotWoken(logger, saga, exception.Message); // the next round comes to it again
        }
    }

    private List<SagaIndexRow> Decode(IReadOnlyList<ScanItem> items, RangeId range)
    {
        var rows = new List<SagaIndexRow>(items.Count);
        foreach (var item in items)
        {
            try
            {
                rows.Add(SagaIndexRow.Decode(item.Value.Span));
            }
            catch (JsonException exception)
            {
                SagasLog.UnreadableIndex(logger, exception, range);
            }
        }

        return rows;
    }

    private sealed record Counts(int Live, int Stuck)
    {
        public static Counts operator +(Counts left, Counts right) => new(left.Live + right.Live, left.Stuck + right.Stuck);
    }
}
