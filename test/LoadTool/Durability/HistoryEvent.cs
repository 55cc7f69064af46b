using System.Text.Json.Serialization;

namespace GrainDb.LoadTool.Durability;

/// <summary>One line of a history file.</summary>
internal sealed record HistoryEvent
{
    /// <summary>First line: what all writes share.</summary>
    public const string Header = "header";

    /// <summary>Written before the request is sent.</summary>
    public const string Attempt = "attempt";

    /// <summary>The write was acknowledged.</summary>
    public const string Acknowledged = "ack";

    /// <summary>The write certainly did not happen.</summary>
    public const string Refused = "refused";

    /// <summary>The write may have happened.</summary>
    public const string Unknown = "unknown";

    /// <summary>Which of these.</summary>
    public required string Type { get; init; }

    /// <summary>Header: the keyspace.</summary>
    public string? Keyspace { get; init; }

    /// <summary>Header: bytes of every value.</summary>
    public int? ValueBytes { get; init; }

    /// <summary>The key; not in the header.</summary>
    public string? Key { get; init; }

    /// <summary>The client's number for this write, growing by one with each; not in the header.</summary>
    public long? Sequence { get; init; }

    /// <summary>Acknowledged: the version.</summary>
    public string? Version { get; init; }

    /// <summary>Refused, unknown: why.</summary>
    public string? Code { get; init; }
}

/// <summary>History events as JSON.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(HistoryEvent))]
internal sealed partial class HistoryJson : JsonSerializerContext;
