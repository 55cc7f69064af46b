using GrainDb.Engine.Eventual;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Placement;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Ranges;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Eventual;

/// <summary>Delivers the hints of this node to replicas whose nodes are there, tells those that lack some so, lets old ones go, and keeps the log short.</summary>
internal sealed class HintDelivery(
    NodeHints hints,
    EventualTransport transport,
    EventualPartitions partitions,
    EventualInstruments instruments,
    MetaCache meta,
    LiveNodes live,
    EventualOptions options,
    TimeProvider time,
    ILogger<HintDelivery> logger) : BackgroundLoop
{
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AgeingInterval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ReopenInterval = TimeSpan.FromSeconds(30);

    /// <summary>A target that did not take its hints is left alone for so long.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    private readonly Dictionary<Guid, long> _notBefore = [];
    private long _aged = time.GetTimestamp();
    private long _opened = time.GetTimestamp();

    protected override ILogger Logger => logger;

    protected override async Task RunAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(Round, time);
        while (await timer.WaitForNextTickAsync(stopping))
        {
            try
            {
                await RoundAsync(stopping);
            }
            catch (UnknownPartitionException)
            {
                await ((Task)meta.RefreshAsync(stopping)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception exception) when (exception is not OperationCanceledException || !stopping.IsCancellationRequested)
            {
                EventualHostLog.DeliveryFailed(logger, exception);
            }
        }
    }

    private async Task RoundAsync(CancellationToken stopping)
    {
        if (hints.Store is not { } store)
        {
            if (IsTime(ref _opened, ReopenInterval))
                hints.TryOpen();
            return;
        }

        if (IsTime(ref _aged, AgeingInterval))
            await store.AgeAsync();
        if (store.ShouldCheckpoint())
            store.Checkpoint(stopping);
        if (meta.Current is null)
            return;
        var handoff = new Handoff(store, transport, ConfigurationOf, options, time);
        foreach (var target in store.Targets.Where(target => live.Find(target.Node) is not null))
        {
            if (_notBefore.TryGetValue(target.Id, out var notBefore) && time.GetTimestamp() < notBefore)
                continue;
            var report = await handoff.RunAsync(target, stopping);
            instruments.Delivered(report);
            EventualHostLog.Delivered(logger, report.Delivered, target.ToString(), report.Voided, report.IsComplete);
            _notBefore.Remove(target.Id);
            if (!report.IsComplete)
                _notBefore[target.Id] = time.GetTimestamp() + (long)(Pause.TotalSeconds * time.TimestampFrequency);
        }

        await handoff.TellLostAsync();
    }

    /// <summary>Only what the meta range says is gone is gone; a partition that this node does not see yet is not.</summary>
    private PartitionConfiguration? ConfigurationOf(RangeId partition)
    {
        if (partitions.Find(partition) is { } found)
            return found.Configuration;
        return meta.Current is { } snapshot && partition.Value < snapshot.Catalog.NextRangeId && snapshot.FindRange(partition) is null
            ? null
            : throw new UnknownPartitionException();
    }

    private bool IsTime(ref long last, TimeSpan interval)
    {
        if (time.GetElapsedTime(last) < interval)
            return false;
        last = time.GetTimestamp();
        return true;
    }

    /// <summary>The view of the meta range is too old.</summary>
    private sealed class UnknownPartitionException : Exception;
}
