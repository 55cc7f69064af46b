using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Transactions;

/// <summary>Log messages of transactions: event ids 1500–1599.</summary>
internal static partial class TransactionsLog
{
    [LoggerMessage(1500, LogLevel.Information, "transaction {Transaction}, met without its outcome, is {Outcome}")]
    public static partial void Recovered(ILogger logger, TransactionId transaction, string outcome);

    [LoggerMessage(1501, LogLevel.Error, "transaction {Transaction} could not be recovered; whoever meets it tries again")]
    public static partial void NotRecovered(ILogger logger, Exception exception, TransactionId transaction);

    [LoggerMessage(1502, LogLevel.Error, "range {Range}: records of transactions could not be swept")]
    public static partial void NotSwept(ILogger logger, Exception exception, RangeId range);

    [LoggerMessage(1503, LogLevel.Error, "range {Range}: {Count} records of transactions cannot be read; they stay")]
    public static partial void Unreadable(ILogger logger, RangeId range, int count);
}
