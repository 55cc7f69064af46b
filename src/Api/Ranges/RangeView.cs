using System.Buffers.Text;
using System.ComponentModel;
using System.Text;
using System.Text.Unicode;
using GrainDb.Api.Requests;
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

    public required ReplicaRole Role { get; init; }

    public required ReplicaState State { get; init; }

    [Description("Last durable record of its log.")]
    public required ulong Lsn { get; init; }

    [Description("Last record that its state holds.")]
    public required ulong Applied { get; init; }

    [Description("Records that its log is behind the leader's.")]
    public required long Lag { get; init; }

    [Description("What is wrong; null when nothing is.")]
    public required string? Detail { get; init; }

    [Description("Of an eventual partition: whether it does not count for reads until it was compared with all others. Null in a strong range.")]
    public bool? NeedsRepair { get; init; }

    [Description("Of an eventual partition: when it was last compared completely with every other replica, RFC 3339; null when it never was since its node started, and in a strong range.")]
    public string? LastAgreement { get; init; }

    internal static ReplicaView Of(ReplicaStatus replica, KeyspaceFamily family) => Of(replica) with
    {
        NeedsRepair = family == KeyspaceFamily.Eventual ? replica.NeedsRepair : null,
        LastAgreement = family == KeyspaceFamily.Eventual && !replica.LastAgreement.IsZero ? Rfc3339.Format(replica.LastAgreement) : null,
    };

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
            Replicas = [.. status.Replicas.Select(replica => ReplicaView.Of(replica, status.Family))],
        };
    }

    private static string? TextOf(byte[]? key) => key is not null && Utf8.IsValid(key) ? Encoding.UTF8.GetString(key) : null;

    private static string? Base64Of(byte[]? key) => key is not null && !Utf8.IsValid(key) ? Base64Url.EncodeToString(key) : null;
}

/// <summary>Ranges by id.</summary>
/// <param name="Ranges">The ranges.</param>
public sealed record RangeList(IReadOnlyList<RangeView> Ranges);
