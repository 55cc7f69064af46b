using GrainDb.Engine.Time;
using GrainDb.Engine.Transactions;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Ranges;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Transactions;

/// <summary>Sweeps the ranges of <c>system.transactions</c> that this node leads, one after the other.</summary>
internal sealed class RecordSweep(
    MetaCache meta, LocalRanges local, IResolutions resolutions, HybridLogicalClock clock, TimeProvider time, ILogger<RecordSweep> logger) : BackgroundLoop
{
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(10);

    protected override async Task RunAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(Round, time);
        while (await timer.WaitForNextTickAsync(stopping))
        {
            foreach (var range in meta.Current?.FindActive(SystemKeyspaces.Transactions)?.Ranges ?? [])
            {
                if (local.Find(range.Id) is not { } leader)
                    continue;
                try
                {
                    var (_, unreadable) = await new RecordSweeper(leader, leader.Descriptor, resolutions, clock, time).SweepAsync(stopping);
                    if (unreadable > 0)
                        TransactionsLog.Unreadable(logger, range.Id, unreadable);
                }
                catch (Exception exception) when (exception is not OperationCanceledException)
                {
                    TransactionsLog.NotSwept(logger, exception, range.Id);
                }
            }
        }
    }
}
