using System.ComponentModel;
using GrainDb.Api.Keys;
using GrainDb.Interfaces.Eventual;

namespace GrainDb.Api.Eventual;

/// <summary>Who coordinated it.</summary>
/// <param name="Region">Region of the node.</param>
/// <param name="Range">The partition.</param>
/// <param name="Node">The node.</param>
/// <param name="Role">Always <c>coordinator</c>.</param>
public sealed record CoordinatorView(string Region, long Range, string Node, string Role);

/// <summary>One replica's part in a request of an eventual keyspace.</summary>
public sealed record EventualVoteView
{
    public required string Node { get; init; }

    [Description("ok; pending: enough others had answered before it did; timeout: it cannot be reached, or did not answer in time; error: it cannot; hinted: it did not take the write, and another node keeps it for it; needsRepair: it answered, and does not count until it is repaired.")]
    public required string Reply { get; init; }

    [Description("Of a read: the writes that its state of the key had seen, by incarnation and counter; null where that is not known.")]
    public required string? Clock { get; init; }

    [Description("Of a read: whether it lacked something that the answer has.")]
    public required bool Stale { get; init; }

    internal static IReadOnlyList<EventualVoteView> Of(IReadOnlyList<EventualVote> votes) => [.. votes.Select(vote => new EventualVoteView
    {
        Node = vote.Node,
        Reply = EventualHeaders.NameOf(vote.Reply),
        Clock = vote.Clock.Length > 0 ? vote.Clock : null,
        Stale = vote.IsStale,
    })];
}

/// <summary>How a write of an eventual key came about.</summary>
public sealed record EventualWriteExplanation
{
    [Description("The level that was asked for: one, quorum, all or w=n.")]
    public required string Level { get; init; }

    [Description("Replicas that had to have it.")]
    public required int Needed { get; init; }

    public required string Version { get; init; }

    [Description("The name of the write.")]
    public required string Dot { get; init; }

    [Description("Whether the coordinator had a value before.")]
    public required bool Existed { get; init; }

    [Description("What the writer has seen now.")]
    public required string Context { get; init; }

    [Description("Null when none was reached.")]
    public required CoordinatorView? ServedBy { get; init; }

    [Description("What each replica had said when the write was answered. It goes to all of them.")]
    public required IReadOnlyList<EventualVoteView> Replicas { get; init; }

    internal static EventualWriteExplanation Of(EventualRequest request, EventualWriteResult result) => new()
    {
        Level = EventualLevels.NameOf(request.Level, write: true),
        Needed = request.Level.Needed(request.Keyspace.ReplicationFactor),
        Version = result.Version.ToString(),
        Dot = DotText.Format(result.Dot),
        Existed = result.Existed,
        Context = ContextText.Format(result.Context),
        ServedBy = new CoordinatorView(result.Region, result.Partition.Value, result.Coordinator, EventualHeaders.Coordinator),
        Replicas = EventualVoteView.Of(result.Replicas),
    };
}

/// <summary>A value that stands, without its bytes.</summary>
/// <param name="Version">When it was written.</param>
/// <param name="Dot">The write.</param>
/// <param name="ContentType">Its media type.</param>
/// <param name="Bytes">Its length.</param>
public sealed record EventualValueView(string Version, string Dot, string ContentType, int Bytes);

/// <summary>How a read of an eventual key came about, in place of the value.</summary>
public sealed record EventualReadExplanation
{
    [Description("The level that was asked for: one, quorum, all or r=n.")]
    public required string Level { get; init; }

    [Description("Replicas that had to answer.")]
    public required int Needed { get; init; }

    public required bool Found { get; init; }

    [Description("The values that stand; more than one are concurrent.")]
    public required IReadOnlyList<EventualValueView> Values { get; init; }

    [Description("What the reader has seen now; null for a key of which nothing is known.")]
    public required string? Context { get; init; }

    [Description("Null when none was reached.")]
    public required CoordinatorView? ServedBy { get; init; }

    [Description("What each replica had said when the read was answered.")]
    public required IReadOnlyList<EventualVoteView> Replicas { get; init; }

    [Description("Whether a replica that answered lacked something and was sent it before the read was answered. Those that answer later are repaired too.")]
    public required bool RepairTriggered { get; init; }

    internal static EventualReadExplanation Of(EventualRequest request, EventualReadResult result, EventualContent content) => new()
    {
        Level = EventualLevels.NameOf(request.Level, write: false),
        Needed = request.Level.Needed(request.Keyspace.ReplicationFactor),
        Found = content.Exists,
        Values = [.. content.Values.Select(value => new EventualValueView(value.Version.ToString(), DotText.Format(value.Dot), MediaType.ToServe(value.ContentType), value.Value.Length))],
        Context = result.Context.IsEmpty || result.State.IsEmpty ? null : ContextText.Format(result.Context),
        ServedBy = new CoordinatorView(result.Region, result.Partition.Value, result.Coordinator, EventualHeaders.Coordinator),
        Replicas = EventualVoteView.Of(result.Replicas),
        RepairTriggered = result.IsRepaired,
    };
}
