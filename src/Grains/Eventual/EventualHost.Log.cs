using GrainDb.Interfaces.Ranges;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Eventual;

/// <summary>Log messages of eventual replicas at work: event ids 2100–2199.</summary>
internal static partial class EventualHostLog
{
    [LoggerMessage(2100, LogLevel.Error, "partition {Partition} is broken on this node: {Reason}; another replica takes its place")]
    public static partial void Broken(ILogger logger, RangeId partition, string reason);

    [LoggerMessage(2101, LogLevel.Error, "partition {Partition} cannot be opened now")]
    public static partial void NotOpened(ILogger logger, Exception exception, RangeId partition);

    [LoggerMessage(2102, LogLevel.Error, "partition {Partition}: the checkpoint failed")]
    public static partial void CheckpointFailed(ILogger logger, Exception exception, RangeId partition);

    [LoggerMessage(2103, LogLevel.Warning, "partition {Partition}: replica {Old} is lost; {New} takes its place")]
    public static partial void Replacing(ILogger logger, RangeId partition, Guid old, Guid @new);

    [LoggerMessage(2104, LogLevel.Information, "partition {Partition}: replica {Replica} was compared with all others and counts for reads")]
    public static partial void Repaired(ILogger logger, RangeId partition, Guid replica);

    [LoggerMessage(2105, LogLevel.Error, "care of eventual replicas: a round failed; the next one goes on")]
    public static partial void RoundFailed(ILogger logger, Exception exception);

    [LoggerMessage(2106, LogLevel.Debug, "partition {Partition}: compared; {Differing} keys differed, {Fetched} fetched, {Sent} sent, {TreeBytes} bytes of hashes, {StateBytes} of states; {Problem}")]
    public static partial void Compared(ILogger logger, RangeId partition, int differing, int fetched, int sent, long treeBytes, long stateBytes, string problem);

    [LoggerMessage(2107, LogLevel.Error, "the log of hints is damaged, and with it what it kept; a new one takes its place: {Reason}")]
    public static partial void HintsLost(ILogger logger, string reason);

    [LoggerMessage(2108, LogLevel.Error, "hints cannot be kept: {Reason}")]
    public static partial void HintsBroken(ILogger logger, string reason);

    [LoggerMessage(2109, LogLevel.Error, "the hints of this node cannot be delivered now")]
    public static partial void DeliveryFailed(ILogger logger, Exception exception);

    [LoggerMessage(2110, LogLevel.Information, "delivered {Delivered} hints to {Target}, {Voided} were void; complete: {IsComplete}")]
    public static partial void Delivered(ILogger logger, int delivered, string target, int voided, bool isComplete);

    [LoggerMessage(2113, LogLevel.Error, "partition {Partition}: the tree in memory is not that of the states; the replica is opened again")]
    public static partial void TreeWrong(ILogger logger, RangeId partition);

    [LoggerMessage(2112, LogLevel.Warning, "replicas that this node lost are not replaced yet: {Reason}")]
    public static partial void NotReplaced(ILogger logger, string reason);

    [LoggerMessage(2111, LogLevel.Information, "partition {Partition}: {Keys} deleted keys were forgotten on all replicas together")]
    public static partial void Forgotten(ILogger logger, RangeId partition, int keys);
}
