using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// How a node gives a write to a replica that coordinates it. Exactly one replica mints the dot of a write: so a second one is tried only after the first has said that it certainly did
/// nothing. Silence is no such word; the outcome is unknown then.
/// </summary>
/// <param name="isReachable">Whether there is any use in calling a node now.</param>
/// <param name="put">Gives the write to a replica; null when no answer came in time.</param>
/// <param name="options">Deliberate errors.</param>
public sealed class WriteForwarding(Func<string, bool> isReachable, Func<ReplicaDescriptor, Task<EventualWriteResult?>> put, EventualOptions options)
{
    /// <summary>Gives the write to the own node's replica when there is one, else to the others in order of preference.</summary>
    /// <param name="configuration">Who holds the partition.</param>
    /// <param name="node">The own node.</param>
    public async Task<EventualWriteResult> RunAsync(PartitionConfiguration configuration, string node)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var last = EventualWriteResult.Failed(Failure.NotApplied(ErrorCode.Unavailable, "no replica of the partition is alive; nothing was written"));
        foreach (var replica in configuration.All.OrderBy(replica => replica.Node == node ? 0 : 1).Where(replica => replica.Node == node || isReachable(replica.Node)))
        {
            if (await put(replica) is { } result)
            {
                if (result.Failure is not { Code: ErrorCode.Unavailable or ErrorCode.Overloaded, Outcome: Outcome.NotApplied })
                    return result;
                last = result;
            }
            else if (!options.Has(EventualFaults.MintTwice))
            {
                return EventualWriteResult.Failed(Failure.Unknown(ErrorCode.OutcomeUnknown, $"{replica.Node} was asked to write and did not answer"));
            }
        }

        return last;
    }
}
