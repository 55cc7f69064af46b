using GrainDb.Interfaces.Ranges;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Replicas;

/// <summary>Log messages of replicas at work: event ids 1300–1399.</summary>
internal static partial class ReplicaHostLog
{
    [LoggerMessage(1300, LogLevel.Error, "range {Range} is broken on this node: {Reason}")]
    public static partial void Broken(ILogger logger, RangeId range, string reason);

    [LoggerMessage(1301, LogLevel.Error, "range {Range}: the checkpoint failed")]
    public static partial void CheckpointFailed(ILogger logger, Exception exception, RangeId range);

    [LoggerMessage(1302, LogLevel.Information, "range {Range}: leading with epoch {Epoch} from LSN {Lsn}")]
    public static partial void Leading(ILogger logger, RangeId range, ulong epoch, ulong lsn);

    [LoggerMessage(1303, LogLevel.Error, "range {Range} cannot be opened now")]
    public static partial void NotOpened(ILogger logger, Exception exception, RangeId range);

    [LoggerMessage(1304, LogLevel.Information, "range {Range}: not leading: {Reason}")]
    public static partial void NotElected(ILogger logger, RangeId range, string reason);

    [LoggerMessage(1305, LogLevel.Information, "range {Range}: no word from its leader; this node stands")]
    public static partial void Standing(ILogger logger, RangeId range);

    [LoggerMessage(1306, LogLevel.Warning, "range {Range}: replica {Old} is lost; replacing it by {New}")]
    public static partial void Replacing(ILogger logger, RangeId range, string old, string @new);

    [LoggerMessage(1307, LogLevel.Warning, "range {Range}: replica {Old} is not replaced yet: {Reason}")]
    public static partial void NotReplaced(ILogger logger, RangeId range, string old, string reason);

    [LoggerMessage(1308, LogLevel.Information, "range {Range}: handing leadership to {Node}, which comes first")]
    public static partial void HandingOver(ILogger logger, RangeId range, string node);

    [LoggerMessage(1309, LogLevel.Error, "replica care: a round failed; the next one goes on")]
    public static partial void RoundFailed(ILogger logger, Exception exception);

    [LoggerMessage(1310, LogLevel.Warning, "range {Range}: no quorum follows this leader; leaving it to another node")]
    public static partial void GivingUp(ILogger logger, RangeId range);

    [LoggerMessage(1311, LogLevel.Warning, "range {Range}: its row in the meta range is behind: {Reason}")]
    public static partial void NotRecorded(ILogger logger, RangeId range, string reason);

    [LoggerMessage(1313, LogLevel.Warning, "range {Range} is whole after all on this node, opened again; it had been broken: {Reason}")]
    public static partial void Reopened(ILogger logger, RangeId range, string reason);

    [LoggerMessage(1312, LogLevel.Information, "handed {Count} leaderships over in {Milliseconds} ms; {Left} of the ranges are not led yet")]
    public static partial void Drained(ILogger logger, int count, long milliseconds, int left);
}
