using GrainDb.Engine.Time;
using GrainDb.Engine.Transactions;
using GrainDb.Grains.Hosting;
using GrainDb.Interfaces.Transactions;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Transactions;

/// <summary>Recovers the transactions that this node's leaders report, a few at a time. Those that only have to be carried out wait for their participants beside that.</summary>
internal sealed class TransactionRecoveries(
    RecoveryReports reports, ITransactionRanges ranges, IResolutions resolutions, HybridLogicalClock clock, ILogger<TransactionRecoveries> logger) : BackgroundLoop
{
    private const int MaxAtOnce = 16;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly TransactionRecovery _recovery = new(ranges, resolutions, clock);

    protected override ILogger Logger => logger;

    protected override Task RunAsync(CancellationToken stopping) => Task.WhenAll(Enumerable.Range(0, MaxAtOnce).Select(_ => WorkAsync(stopping)));

    private async Task WorkAsync(CancellationToken stopping)
    {
        await foreach (var report in reports.ReadAllAsync(stopping))
        {
            if (!report.Commit.IsZero)
            {
                _ = FinishAsync(report);
                continue;
            }

            try
            {
                var decision = await _recovery.RecoverAsync(report.Transaction, report.Participants, report.Deadline, report.Prepared, Patience);
                if (decision is { } found)
                    TransactionsLog.Recovered(logger, report.Transaction, found.CommitTimestamp.IsZero ? "aborted" : $"committed at {found.CommitTimestamp}");
            }
            catch (Exception exception) when (exception is not OperationCanceledException || !stopping.IsCancellationRequested)
            {
                TransactionsLog.NotRecovered(logger, exception, report.Transaction);
            }
            finally
            {
                reports.Done(report);
            }
        }
    }

    /// <summary>Ends with the confirmations, which may take as long as a participant is away; the queue of resolutions bounds how many wait. Never fails.</summary>
    private async Task FinishAsync(RecoveryReports.Report report)
    {
        if (await _recovery.FinishAsync(new Resolution(report.Transaction, report.Commit), report.Participants[1..], report.Participants[0]))
            TransactionsLog.Finished(logger, report.Transaction, report.Commit);
        reports.Done(report);
    }
}
