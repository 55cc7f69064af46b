using GrainDb.Interfaces.Keys;
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

    [LoggerMessage(1502, LogLevel.Debug, "transaction {Transaction}, committed at {Commit}, is carried out everywhere, which its coordinator did not say")]
    public static partial void Finished(ILogger logger, TransactionId transaction, Timestamp commit);
}
