using System.Globalization;
using GrainDb.Api.Idempotency;
using GrainDb.Api.Keys;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Ranges;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Eventual;

/// <summary>Response headers of operations on eventual keyspaces.</summary>
internal static class EventualHeaders
{
    public const string Coordinator = "coordinator";

    /// <summary>Of a failed write too: who has it is all the more worth knowing.</summary>
    public static void SetWritten(IHeaderDictionary headers, EventualWriteResult result)
    {
        Set(headers, result.Replicas, result.Region, result.Partition, result.Coordinator);
        if (result.Failure is not null)
            return;
        headers[KeyHeaders.CommitTimestamp] = result.Version.ToString();
        SetContext(headers, result.Context);
        IdempotencyKey.SetReplay(headers, result.IsRepeated);
    }

    public static void SetRead(IHeaderDictionary headers, EventualReadResult result)
    {
        Set(headers, result.Replicas, result.Region, result.Partition, result.Coordinator);
        // Of a key that nobody wrote there is nothing to have seen.
        if (result.Failure is null && !result.State.IsEmpty)
            SetContext(headers, result.Context);
    }

    public static string NameOf(EventualReply reply) => reply switch
    {
        EventualReply.Ok => "ok",
        EventualReply.Timeout => "timeout",
        EventualReply.Error => "error",
        EventualReply.Hinted => "hinted",
        EventualReply.NeedsRepair => "needsRepair",
        EventualReply.Pending => "pending",
        _ => throw new ArgumentOutOfRangeException(nameof(reply), reply, "Not a reply."),
    };

    private static void SetContext(IHeaderDictionary headers, ReadOnlyMemory<byte> context)
    {
        if (!context.IsEmpty)
            headers[KeyRequest.ContextHeader] = ContextText.Format(context);
    }

    private static void Set(IHeaderDictionary headers, IReadOnlyList<EventualVote> replicas, string region, RangeId partition, string coordinator)
    {
        if (replicas.Count > 0)
            headers[KeyHeaders.Replicas] = string.Join(", ", replicas.Select(vote => $"{vote.Node}={NameOf(vote.Reply)}"));
        if (coordinator.Length > 0)
            headers[KeyHeaders.ServedBy] = string.Create(CultureInfo.InvariantCulture, $"region={region}, range={partition.Value}, node={coordinator}, role={Coordinator}");
    }
}
