using GrainDb.Engine.Time;
using GrainDb.Engine.Transactions;
using GrainDb.Grains.Hosting;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Transactions;

/// <summary>Recovers the transactions that this node's leaders report, a few at a time.</summary>
internal sealed class TransactionRecoveries(
    RecoveryReports reports, ITransactionRecords records, IResolutions resolutions, HybridLogicalClock clock, ILogger<TransactionRecoveries> logger) : BackgroundLoop
{
    private const int MaxAtOnce = 16;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly TransactionRecovery _recovery = new(records, resolutions, clock);

    protected override Task RunAsync(CancellationToken stopping) => Task.WhenAll(Enumerable.Range(0, MaxAtOnce).Select(_ => WorkAsync(stopping)));

    private async Task WorkAsync(CancellationToken stopping)
    {
        await foreach (var report in reports.ReadAllAsync(stopping))
        {
            try
            {
                var decision = await _recovery.RecoverAsync(report.Transaction, report.Participants, report.Deadline, report.Prepared, Patience);
                if (decision is { } found)
                    TransactionsLog.Recovered(logger, report.Transaction, found.CommitTimestamp.IsZero ? "aborted" : $"committed at {found.CommitTimestamp}");
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                TransactionsLog.NotRecovered(logger, exception, report.Transaction);
            }
            finally
            {
                reports.Done(report.Transaction);
            }
        }
    }
}
