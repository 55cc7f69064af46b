using GrainDb.Interfaces.Ranges;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Hosting;

/// <summary>Log messages of node storage: event ids 1000–1099.</summary>
internal static partial class NodeStorageLog
{
    [LoggerMessage(1000, LogLevel.Information, "data directory {Directory} of node {Node}, incarnation {Incarnation}, {Replicas} replicas")]
    public static partial void Opened(ILogger logger, string directory, string node, Guid incarnation, int replicas);

    [LoggerMessage(1001, LogLevel.Error, "range {Range} is broken on this node: {Reason}")]
    public static partial void Broken(ILogger logger, RangeId range, string reason);

    [LoggerMessage(1002, LogLevel.Warning, "range {Range}: {Bytes} bytes of an unfinished batch were cut from the end of its log")]
    public static partial void TornTail(ILogger logger, RangeId range, long bytes);

    [LoggerMessage(1003, LogLevel.Error, "range {Range}: the checkpoint failed")]
    public static partial void CheckpointFailed(ILogger logger, Exception exception, RangeId range);

    [LoggerMessage(1006, LogLevel.Error, "range {Range} cannot be opened now")]
    public static partial void NotOpened(ILogger logger, Exception exception, RangeId range);

    [LoggerMessage(1004, LogLevel.Information, "range {Range} was removed from this node")]
    public static partial void Removed(ILogger logger, RangeId range);

    [LoggerMessage(1005, LogLevel.Information, "range {Range}: leading with epoch {Epoch} from LSN {Lsn}")]
    public static partial void Leading(ILogger logger, RangeId range, ulong epoch, ulong lsn);
}
