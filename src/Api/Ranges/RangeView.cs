using System.Buffers.Text;
using System.ComponentModel;
using System.Globalization;
using System.Text;
using System.Text.Json.Serialization;
using System.Text.Unicode;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Api.Ranges;

/// <summary>One replica of a range.</summary>
public sealed record ReplicaView
{
    public required string Node { get; init; }

    [Description("Of this very replica; no other one ever has it. Null when it is not known.")]
    public required Guid? Id { get; init; }

    [Description("leader or follower; null in an eventual partition, whose replicas are alike.")]
    public required ReplicaRole? Role { get; init; }

    public required ReplicaState State { get; init; }

    [Description("Last durable record of its log.")]
    public required ulong Lsn { get; init; }

    [Description("Last record that its state holds.")]
    public required ulong Applied { get; init; }

    [Description("Records that its log is behind the leader's.")]
    public required long Lag { get; init; }

    [Description("What is wrong; null when nothing is.")]
    public required string? Detail { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    [Description("Of a replica of an eventual partition that is in memory; else absent.")]
    public EventualReplicaView? Eventual { get; init; }

    internal static ReplicaView Of(ReplicaStatus replica) => new()
    {
        Node = replica.Node,
        Id = replica.Id,
        Role = replica.Role,
        State = replica.State,
        Lsn = replica.Lsn.Value,
        Applied = replica.Applied.Value,
        Lag = replica.Lag,
        Detail = replica.Detail,
        Eventual = EventualReplicaView.Of(replica.Eventual),
    };
}

/// <summary>What only a replica of an eventual partition says of itself.</summary>
public sealed record EventualReplicaView
{
    [Description("Whether it does not count for reads until it was compared with all others: it may lack what it acknowledged.")]
    public required bool NeedsRepair { get; init; }

    [Description("When it last agreed with all others, RFC 3339; null before the first time since its node started.")]
    public required string? LastAgreement { get; init; }

    [Description("Whether it takes part; one that joins takes nothing yet.")]
    public required bool Joined { get; init; }

    [Description("Epoch of tombstone collection.")]
    public required long Epoch { get; init; }

    [Description("Root of the tree over its keys, 16 hex digits: equal on replicas that agree.")]
    public required string Root { get; init; }

    [Description("Keys with several concurrent values.")]
    public required long Conflicted { get; init; }

    [Description("Keys that are deleted or will expire.")]
    public required long Tombstones { get; init; }

    [Description("Conflicts that ended there.")]
    public required long ResolvedConflicts { get; init; }

    internal static EventualReplicaView? Of(EventualReplicaReport? report) => report is null ? null : new()
    {
        NeedsRepair = report.NeedsRepair,
        LastAgreement = report.LastAgreement?.UtcDateTime.ToString("O", CultureInfo.InvariantCulture),
        Joined = report.IsJoined,
        Epoch = report.Epoch,
        Root = report.Root.ToString("x16", CultureInfo.InvariantCulture),
        Conflicted = report.Conflicted,
        Tombstones = report.Tombstones,
        ResolvedConflicts = report.ResolvedConflicts,
    };
}

/// <summary>A voter.</summary>
public sealed record VoterView(string Node, Guid Id)
{
    internal static IReadOnlyList<VoterView> Of(ReplicaDescriptor[] replicas) => [.. replicas.Select(replica => new VoterView(replica.Node, replica.Id))];
}

/// <summary>Who votes on a range's log.</summary>
public sealed record ConfigurationView
{
    [Description("Whether the set of replicas is just being changed: a commit then needs a majority of voters and one of outgoing.")]
    public required bool Joint { get; init; }

    [Description("The voters; while joint, those that are to be.")]
    public required IReadOnlyList<VoterView> Voters { get; init; }

    [Description("While joint, the voters before; else empty.")]
    public required IReadOnlyList<VoterView> Outgoing { get; init; }

    internal static ConfigurationView? Of(RangeConfiguration? configuration) => configuration is null ? null : new()
    {
        Joint = configuration.IsJoint,
        Voters = VoterView.Of(configuration.Voters),
        Outgoing = VoterView.Of(configuration.Outgoing),
    };
}

/// <summary>One range as the API shows it.</summary>
public sealed record RangeView
{
    public required long Id { get; init; }

    public required string Keyspace { get; init; }

    [Description("strong or eventual: an eventual partition has no leader, epoch, GC threshold or configuration.")]
    public required string Family { get; init; }

    [Description("First routing key when its bytes are UTF-8; empty for the first range. Under hash partitioning routing keys begin with 8 bytes of hash.")]
    public string? Start { get; init; }

    [Description("The same as base64url when they are not.")]
    public string? Start64 { get; init; }

    [Description("First routing key after the range; neither end nor end64 for the last range.")]
    public string? End { get; init; }

    public string? End64 { get; init; }

    public required long Generation { get; init; }

    [Description("The node that leads; null when none does.")]
    public required string? Leader { get; init; }

    public required ulong? Epoch { get; init; }

    [Description("Keys with at least one retained version; null while the range is not in memory.")]
    public required long? Keys { get; init; }

    [Description("Bytes of keys and values of all retained versions; null while the range is not in memory.")]
    public required long? Bytes { get; init; }

    [Description("Decayed requests per second.")]
    public required double Rate { get; init; }

    [Description("Nothing below it can be read.")]
    public required string? GcThreshold { get; init; }

    [Description("Who votes, as the range's log has it; null when the range is not in memory.")]
    public required ConfigurationView? Configuration { get; init; }

    public required IReadOnlyList<ReplicaView> Replicas { get; init; }

    internal static RangeView Of(RangeStatus status)
    {
        var range = status.Descriptor;
        return new RangeView
        {
            Id = range.Id.Value,
            Keyspace = range.Keyspace,
            Family = status.Family == KeyspaceFamily.Strong ? "strong" : "eventual",
            Start = TextOf(range.Start),
            Start64 = Base64Of(range.Start),
            End = TextOf(range.End),
            End64 = Base64Of(range.End),
            Generation = range.Generation,
            Leader = status.Leader,
            Epoch = status.Family == KeyspaceFamily.Strong ? status.Epoch.Value : null,
            Keys = status.Keys < 0 ? null : status.Keys,
            Bytes = status.Bytes < 0 ? null : status.Bytes,
            Rate = status.Rate,
            GcThreshold = status.Family == KeyspaceFamily.Strong ? status.GcThreshold.ToString() : null,
            Configuration = ConfigurationView.Of(status.Configuration),
            Replicas = [.. status.Replicas.Select(replica => status.Family == KeyspaceFamily.Eventual ? ReplicaView.Of(replica) with { Role = null } : ReplicaView.Of(replica))],
        };
    }

    private static string? TextOf(byte[]? key) => key is not null && Utf8.IsValid(key) ? Encoding.UTF8.GetString(key) : null;

    private static string? Base64Of(byte[]? key) => key is not null && !Utf8.IsValid(key) ? Base64Url.EncodeToString(key) : null;
}

/// <summary>Ranges by id.</summary>
/// <param name="Ranges">The ranges.</param>
public sealed record RangeList(IReadOnlyList<RangeView> Ranges);
