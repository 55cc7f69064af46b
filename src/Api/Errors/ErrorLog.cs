using Microsoft.Extensions.Logging;

namespace GrainDb.Api.Errors;

/// <summary>Event ids 4000 to 4019. Keys and values are never logged.</summary>
internal static partial class ErrorLog
{
    [LoggerMessage(4000, LogLevel.Error, "{Method} at {Route} failed unexpectedly")]
    public static partial void Unhandled(ILogger logger, Exception exception, string method, string route);

    [LoggerMessage(4001, LogLevel.Debug, "The caller of {Method} went away")]
    public static partial void RequestAborted(ILogger logger, string method);

    [LoggerMessage(4002, LogLevel.Debug, "Kestrel refused a request: {Reason}")]
    public static partial void Refused(ILogger logger, string reason);
}
