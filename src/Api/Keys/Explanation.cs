using System.ComponentModel;
using GrainDb.Api.Ranges;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Api.Keys;

/// <summary>Who answered.</summary>
public sealed record ServedByView(string Region, long Range, string Node, ReplicaRole Role)
{
    internal static ServedByView? Of(ServedBy? servedBy) =>
        servedBy is null ? null : new(servedBy.Region, servedBy.Range.Value, servedBy.Node, servedBy.Role);
}

/// <summary>How a read came about, in place of the value.</summary>
public sealed record ReadExplanation
{
    [Description("The consistency that was asked for: linearizable, session, bounded or eventual.")]
    public required string Level { get; init; }

    [Description("Whether the key exists at the snapshot.")]
    public required bool Found { get; init; }

    [Description("Its version; null when it does not exist.")]
    public required string? Version { get; init; }

    [Description("Its media type; null when it does not exist.")]
    public required string? ContentType { get; init; }

    public required ServedByView? ServedBy { get; init; }

    [Description("The snapshot that was read: asOf with it gives the same.")]
    public required string ReadTimestamp { get; init; }

    [Description("How old the snapshot may be; 0 from the leader, null from a follower that does not know a bound.")]
    public required long? StalenessMs { get; init; }

    [Description("The node that leads the range now; null when none does, or when nobody could say.")]
    public required string? Leader { get; init; }

    public required ulong? Epoch { get; init; }

    [Description("Every replica of the range as it says of itself, after the read; empty when that could not be found out.")]
    public required IReadOnlyList<ReplicaView> Replicas { get; init; }

    [Description("Why the replicas are not known; null when they are.")]
    public required string? ReplicasDetail { get; init; }

    internal static ReadExplanation Of(ReadLevel level, ReadResult result, RangeStatus? range, string? unknown) => new()
    {
        Level = Consistency.NameOf(level),
        Found = result.Found,
        Version = result.Found ? result.Version.ToString() : null,
        ContentType = result.Found ? MediaType.ToServe(result.ContentType) : null,
        ServedBy = ServedByView.Of(result.ServedBy),
        ReadTimestamp = result.ReadTimestamp.ToString(),
        StalenessMs = KeyHeaders.StalenessOf(result.Staleness, result.ServedBy),
        Leader = range?.Leader,
        Epoch = range?.Epoch.Value,
        Replicas = range is null ? [] : [.. range.Replicas.Select(ReplicaView.Of)],
        ReplicasDetail = unknown,
    };
}

/// <summary>What one replica said to a write.</summary>
/// <param name="Node">Its node.</param>
/// <param name="Reply">ok, timeout or error.</param>
/// <param name="Lsn">What of the range's log it is known to hold; null when that is not known.</param>
public sealed record ReplicaVoteView(string Node, string Reply, ulong? Lsn);

/// <summary>How a write came about.</summary>
public sealed record WriteExplanation
{
    [Description("The consistency that was asked for: quorum or all.")]
    public required string Level { get; init; }

    [Description("The version that was written, which is its commit timestamp.")]
    public required string Version { get; init; }

    [Description("Whether the key existed before.")]
    public required bool Existed { get; init; }

    public required ServedByView? ServedBy { get; init; }

    [Description("What each replica had said when the write was answered; empty where the leader does not tell. With ok from a majority it is committed.")]
    public required IReadOnlyList<ReplicaVoteView> Replicas { get; init; }

    internal static WriteExplanation Of(WriteLevel level, WriteResult result) => new()
    {
        Level = Consistency.NameOf(level),
        Version = result.Version.ToString(),
        Existed = result.Existed,
        ServedBy = ServedByView.Of(result.ServedBy),
        Replicas = [.. result.Replicas.Select(vote => new ReplicaVoteView(
            vote.Node, KeyHeaders.NameOf(vote.Reply), vote.Lsn == default ? null : vote.Lsn.Value))],
    };
}
