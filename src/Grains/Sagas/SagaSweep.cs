using System.Text.Json;
using GrainDb.Engine.Ranges;
using GrainDb.Engine.Sagas;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Ranges;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Sagas;

/// <summary>
/// Takes sagas away that ended longer ago than the retention: each node in the ranges of <c>system.sagas</c> that it leads. First what services kept of them, then the log, which is what says that it has
/// to be done: after a crash in between the next round does the first again, and finds nothing.
/// <para>
/// What holds: an effect record outlives every call that it must recognize, since a call lives for its step's timeout at most (<see cref="SagaLimits.MaxTimeout"/>) and the shortest retention is several times
/// that. What belongs to a saga that was started anew under the id is younger than half of the retention, and what belongs to the old one is older: so a round that was late takes nothing from the new one,
/// and its log is only touched while the old one's <c>over</c> row is there.
/// </para>
/// </summary>
internal sealed class SagaSweep(
    NodeOptions node, MetaCache meta, LocalRanges local, SagaDefinitions definitions, SagaServiceRegistry services, TimeProvider time, ILogger<SagaSweep> logger) : BackgroundLoop
{
    private const int SagasPerPage = 50;

    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ShortestPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ReadTimeout = TimeSpan.FromSeconds(10);

    protected override ILogger Logger => logger;

    protected override async Task RunAsync(CancellationToken stopping)
    {
        var pause = node.SagaRetention / 10 is var tenth && tenth < ShortestPause ? ShortestPause : tenth < LongestPause ? tenth : LongestPause;
        using var timer = new PeriodicTimer(pause, time);
        while (await timer.WaitForNextTickAsync(stopping))
            await SweepAsync(time.GetUtcNow(), node.SagaRetention, stopping);
    }

    /// <summary>Goes through the ranges that this node leads, once.</summary>
    /// <param name="now">The time.</param>
    /// <param name="retention">How long a saga is kept.</param>
    /// <param name="stopping">Ends it.</param>
    public async Task SweepAsync(DateTimeOffset now, TimeSpan retention, CancellationToken stopping)
    {
        foreach (var range in meta.Current?.FindActive(SystemKeyspaces.Sagas)?.Ranges ?? [])
        {
            if (local.Find(range.Id) is not { } leader)
                continue;
            try
            {
                await SweepAsync(leader, range, now - retention, Timestamp.FromTime(now - (retention / 2)), stopping);
            }
            catch (Exception exception) when (exception is not OperationCanceledException || !stopping.IsCancellationRequested)
            {
                SagasLog.NotSwept(logger, exception, range.Id);
            }
        }
    }

    private async Task SweepAsync(RangeLeader leader, RangeDescriptor range, DateTimeOffset before, Timestamp cutoff, CancellationToken stopping)
    {
        for (var bucket = 0; bucket < SagaKeys.Buckets; bucket++)
        {
            var (start, end) = (SagaKeys.OverOf(SagaKeys.BucketName(bucket), before: null), SagaKeys.OverOf(SagaKeys.BucketName(bucket), before));
            if (start.AsSpan().SequenceCompareTo(range.Start) < 0 || (range.End is not null && start.AsSpan().SequenceCompareTo(range.End) >= 0))
                continue;
            while (!stopping.IsCancellationRequested)
            {
                var page = await ScanAsync(leader, range, start, end, SagasPerPage, keysOnly: false);
                if (page.Failure is not null)
                    return; // it leads no more
                var over = page.Items.Select(item => (Row: item, Saga: Decode(item, range.Id))).Where(each => each.Saga is not null).ToList();
                if (over.Count > 0 && await ForgetAsync([.. over.Select(each => each.Saga!)], cutoff, stopping))
                {
                    foreach (var (row, saga) in over)
                        await RemoveAsync(leader, range, row, saga!.Id);
                }

                if (page.ResumeKey is not { } resume)
                    break;
                start = resume;
            }
        }
    }

    /// <summary>All services let go of what they kept of these sagas.</summary>
    /// <returns>Whether they did; else the next round does it.</returns>
    private async Task<bool> ForgetAsync(IReadOnlyList<SagaOver> sagas, Timestamp cutoff, CancellationToken stopping)
    {
        var steps = new List<(string Service, string Saga, string Step)>();
        foreach (var saga in sagas)
        {
            var (failure, definition) = await definitions.FindAsync(saga.Definition, saga.Version, ReadTimeout, stopping);
            if (definition is null)
            {
                SagasLog.NotForgotten(logger, saga.Id, failure!.Detail);
                return false;
            }

            steps.AddRange(definition.Steps.Select(step => (step.Service, saga.Id, step.Name)));
        }

        foreach (var (service, kept) in steps.GroupBy(step => step.Service).Select(group => (services.Find(group.Key), group)))
        {
            foreach (var some in service is null ? [] : kept.Select(step => (step.Saga, step.Step)).Chunk(Participants.Participant.MaxForgottenAtOnce))
            {
                if (await service!.ForgetAsync(some, cutoff, stopping) is { } failure)
                {
                    SagasLog.NotForgotten(logger, some[0].Saga, failure.Detail);
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>The log and the saga's place in the index, in one write: half of a log would be another saga.</summary>
    private static async Task RemoveAsync(RangeLeader leader, RangeDescriptor range, ScanItem over, string saga)
    {
        var removals = new List<KeyWrite> { Remove(over.Key, new WriteCondition(ConditionKind.VersionEquals, over.Version)), Remove(SagaKeys.Index(saga, hasEnded: true), WriteCondition.None) };
        var (start, end) = (SagaKeys.Log(saga), ScanQuery.EndOfPrefix(SagaKeys.Log(saga))!.Value.ToArray());
        while (true)
        {
            var page = await ScanAsync(leader, range, start, end, KeyLimits.MaxScanLimit, keysOnly: true);
            if (page.Failure is not null)
                return;
            removals.AddRange(page.Items.Select(row => Remove(row.Key, WriteCondition.None)));
            if (page.ResumeKey is not { } resume)
                break;
            start = resume;
        }

        if ((await leader.WriteAsync(new RangeWrite([.. removals], range.Generation))).Failure is null)
            SagaInstruments.Removed.Add(1);
    }

    private static KeyWrite Remove(ReadOnlyMemory<byte> key, WriteCondition condition) => new(key, WriteKind.Delete, default, "", condition, TimeToLive: null);

    private static async ValueTask<ScanResult> ScanAsync(RangeLeader leader, RangeDescriptor range, byte[] start, byte[] end, int limit, bool keysOnly) =>
        await leader.ScanAsync(new RangeScan(start, end, Timestamp.Zero, limit, Reverse: false, keysOnly, KeyLimits.MaxScanPageBytes, Filter: null, range.Generation));

    private SagaOver? Decode(ScanItem row, RangeId range)
    {
        try
        {
            return SagaOver.Decode(row.Value.Span);
        }
        catch (JsonException exception)
        {
            SagasLog.UnreadableIndex(logger, exception, range);
            return null;
        }
    }
}
