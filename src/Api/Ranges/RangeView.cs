using System.Buffers.Text;
using System.ComponentModel;
using System.Text;
using System.Text.Unicode;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Api.Ranges;

/// <summary>One replica of a range.</summary>
public sealed record ReplicaView(string Node, ReplicaRole Role, ReplicaState State, ulong Lsn, long Lag, string? Detail);

/// <summary>One range as the API shows it.</summary>
public sealed record RangeView
{
    public required long Id { get; init; }

    public required string Keyspace { get; init; }

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

    public required ulong Epoch { get; init; }

    [Description("Keys with at least one retained version; null while the range is not in memory.")]
    public required long? Keys { get; init; }

    [Description("Bytes of keys and values of all retained versions; null while the range is not in memory.")]
    public required long? Bytes { get; init; }

    [Description("Decayed requests per second.")]
    public required double Rate { get; init; }

    [Description("Nothing below it can be read.")]
    public required string GcThreshold { get; init; }

    public required IReadOnlyList<ReplicaView> Replicas { get; init; }

    internal static RangeView Of(RangeStatus status)
    {
        var range = status.Descriptor;
        return new RangeView
        {
            Id = range.Id.Value,
            Keyspace = range.Keyspace,
            Start = TextOf(range.Start),
            Start64 = Base64Of(range.Start),
            End = TextOf(range.End),
            End64 = Base64Of(range.End),
            Generation = range.Generation,
            Leader = status.Leader,
            Epoch = status.Epoch.Value,
            Keys = status.Keys < 0 ? null : status.Keys,
            Bytes = status.Bytes < 0 ? null : status.Bytes,
            Rate = status.Rate,
            GcThreshold = status.GcThreshold.ToString(),
            Replicas = [.. status.Replicas.Select(replica => new ReplicaView(replica.Node, replica.Role, replica.State, replica.Lsn.Value, replica.Lag, replica.Detail))],
        };
    }

    private static string? TextOf(byte[]? key) => key is not null && Utf8.IsValid(key) ? Encoding.UTF8.GetString(key) : null;

    private static string? Base64Of(byte[]? key) => key is not null && !Utf8.IsValid(key) ? Base64Url.EncodeToString(key) : null;
}

/// <summary>Ranges by id.</summary>
/// <param name="Ranges">The ranges.</param>
public sealed record RangeList(IReadOnlyList<RangeView> Ranges);
