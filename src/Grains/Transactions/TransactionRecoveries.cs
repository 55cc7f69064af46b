using System.Collections.Concurrent;
using System.Threading.Channels;
using GrainDb.Engine.Time;
using GrainDb.Engine.Transactions;
using GrainDb.Grains.Hosting;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Transactions;

/// <summary>
/// Recovers the transactions that this node's leaders report, a few at a time. What finds no room is dropped: the leader reports it again while the intent is there.
/// </summary>
internal sealed class TransactionRecoveries(
    ITransactionRecords records, IResolutions resolutions, HybridLogicalClock clock, ILogger<TransactionRecoveries> logger) : BackgroundLoop, ITransactionRecovery
{
    private const int MaxAtOnce = 16;
    private const int MaxWaiting = 10_000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly TransactionRecovery _recovery = new(records, resolutions, clock);
    private readonly ConcurrentDictionary<TransactionId, bool> _reported = new();
    private readonly Channel<Report> _reports = Channel.CreateBounded<Report>(MaxWaiting);

    private readonly record struct Report(TransactionId Transaction, RangeId[] Participants, Timestamp Deadline, Timestamp Prepared);

    public void Recover(TransactionId transaction, RangeId[] participants, Timestamp deadline, Timestamp prepared)
    {
        if (_reported.TryAdd(transaction, true) && !_reports.Writer.TryWrite(new Report(transaction, participants, deadline, prepared)))
            _reported.TryRemove(transaction, out _);
    }

    protected override Task RunAsync(CancellationToken stopping) => Task.WhenAll(Enumerable.Range(0, MaxAtOnce).Select(_ => WorkAsync(stopping)));

    private async Task WorkAsync(CancellationToken stopping)
    {
        await foreach (var report in _reports.Reader.ReadAllAsync(stopping))
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
                _reported.TryRemove(report.Transaction, out _);
            }
        }
    }
}
