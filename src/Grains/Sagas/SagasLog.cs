using GrainDb.Interfaces.Ranges;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Sagas;

/// <summary>Log messages of sagas: event ids 1600–1699. Inputs and outputs are never logged.</summary>
internal static partial class SagasLog
{
    [LoggerMessage(1600, LogLevel.Debug, "saga {Saga}: {Rows} rows appended, it is {Status}")]
    public static partial void Appended(ILogger logger, string saga, int rows, string status);

    [LoggerMessage(1601, LogLevel.Warning, "saga {Saga} is stuck in step {Step}: {Reason}")]
    public static partial void Stuck(ILogger logger, string saga, string step, string? reason);

    [LoggerMessage(1602, LogLevel.Information, "saga {Saga}: its log is read again after an append that was {Outcome}: {Reason}")]
    public static partial void ReadAgain(ILogger logger, string saga, string outcome, string? reason);

    [LoggerMessage(1603, LogLevel.Error, "saga {Saga}: its log cannot be used; nothing is done with it")]
    public static partial void Unusable(ILogger logger, Exception exception, string saga);

    [LoggerMessage(1604, LogLevel.Error, "saga {Saga}: service {Service} threw at {Action}; the outcome counts as unknown")]
    public static partial void ServiceThrew(ILogger logger, Exception exception, string saga, string service, string action);

    [LoggerMessage(1605, LogLevel.Error, "range {Range}: live sagas could not be looked after")]
    public static partial void NotSupervised(ILogger logger, Exception exception, RangeId range);

    [LoggerMessage(1606, LogLevel.Error, "definition {Name} version {Version}, which this program brings, could not be stored: {Reason}")]
    public static partial void NotStored(ILogger logger, string name, int version, string reason);

    [LoggerMessage(1607, LogLevel.Error, "range {Range}: a row of the index of sagas cannot be read")]
    public static partial void UnreadableIndex(ILogger logger, Exception exception, RangeId range);

    [LoggerMessage(1608, LogLevel.Debug, "saga {Saga} could not be woken: {Reason}")]
    public static partial void NotWoken(ILogger logger, string saga, string reason);

    [LoggerMessage(1609, LogLevel.Error, "saga {Saga}: driving it failed; it is tried again")]
    public static partial void DriveFailed(ILogger logger, Exception exception, string saga);

    [LoggerMessage(1610, LogLevel.Debug, "saga {Saga} could not be waited for: {Reason}")]
    public static partial void NotWaited(ILogger logger, string saga, string reason);

    [LoggerMessage(1611, LogLevel.Error, "range {Range}: sagas that ended long ago could not be taken away")]
    public static partial void NotSwept(ILogger logger, Exception exception, RangeId range);

    [LoggerMessage(1612, LogLevel.Warning, "saga {Saga}, which ended long ago, and others of its page stay for now: {Reason}")]
    public static partial void NotForgotten(ILogger logger, string saga, string reason);
}
