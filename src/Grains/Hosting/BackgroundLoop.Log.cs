using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Hosting;

/// <summary>Log messages of background loops: event ids 1090–1099.</summary>
internal static partial class BackgroundLoopLog
{
    [LoggerMessage(1090, LogLevel.Critical, "{Loop} has ended by an error: what it does on this node is not done any more until the node is started again")]
    public static partial void Died(ILogger logger, Exception exception, string loop);
}
