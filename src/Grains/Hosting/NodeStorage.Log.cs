using GrainDb.Interfaces.Ranges;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Hosting;

/// <summary>Log messages of node storage: event ids 1000–1099.</summary>
internal static partial class NodeStorageLog
{
    [LoggerMessage(1000, LogLevel.Information, "data directory {Directory} of node {Node}, incarnation {Incarnation}, {Replicas} replicas")]
    public static partial void Opened(ILogger logger, string directory, string node, Guid incarnation, int replicas);

    [LoggerMessage(1002, LogLevel.Warning, "range {Range}: {Bytes} bytes of an unfinished batch were cut from the end of its log")]
    public static partial void TornTail(ILogger logger, RangeId range, long bytes);

    [LoggerMessage(1004, LogLevel.Information, "range {Range} was removed from this node")]
    public static partial void Removed(ILogger logger, RangeId range);

    [LoggerMessage(1005, LogLevel.Warning, "range {Range}: the damaged log was put aside; its peers fill it again")]
    public static partial void Rebuilding(ILogger logger, RangeId range);

    [LoggerMessage(1006, LogLevel.Warning, "where the meta range is could not be saved; it is tried again")]
    public static partial void NotRemembered(ILogger logger, Exception exception);
}
