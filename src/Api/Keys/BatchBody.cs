using System.ComponentModel;
using System.Text.Json;

namespace GrainDb.Api.Keys;

/// <summary>The body of <c>POST /v1/batch</c>.</summary>
public sealed record BatchBody
{
    [Description("1 to 1000 operations, each with exactly one of put, get, delete. Operations on the same key run in order, others in parallel; the batch is not atomic.")]
    public List<BatchOperation?>? Ops { get; init; }
}

/// <summary>One operation: exactly one member.</summary>
public sealed record BatchOperation
{
    public BatchPut? Put { get; init; }

    public BatchGet? Get { get; init; }

    public BatchDelete? Delete { get; init; }
}

/// <summary>Stores a value.</summary>
public sealed record BatchPut
{
    public string? Keyspace { get; init; }

    [Description("The key as text.")]
    public string? Key { get; init; }

    [Description("The key as base64url, for arbitrary bytes; instead of key.")]
    public string? Key64 { get; init; }

    [Description("The value as text, stored as UTF-8. Exactly one of value, json, value64.")]
    public string? Value { get; init; }

    [Description("The value as any JSON, stored as it is written here.")]
    public JsonElement Json { get; init; }

    [Description("The value as base64 or base64url.")]
    public string? Value64 { get; init; }

    [Description("Media type; by default text/plain, application/json or application/octet-stream, by the form of the value.")]
    public string? ContentType { get; init; }

    [Description("Time to live: 60s, 15m, 1h, 7d.")]
    public string? Ttl { get; init; }

    [Description("A version, or * (must exist).")]
    public string? IfMatch { get; init; }

    [Description("* (must not exist).")]
    public string? IfNoneMatch { get; init; }

    [Description("Of an eventual keyspace: what the writer has seen, as an answer gave it.")]
    public string? Context { get; init; }
}

/// <summary>Reads a value.</summary>
public sealed record BatchGet
{
    public string? Keyspace { get; init; }

    public string? Key { get; init; }

    public string? Key64 { get; init; }

    [Description("A timestamp or an RFC 3339 time.")]
    public string? AsOf { get; init; }
}

/// <summary>Deletes a key.</summary>
public sealed record BatchDelete
{
    public string? Keyspace { get; init; }

    public string? Key { get; init; }

    public string? Key64 { get; init; }

    [Description("A version, or * (must exist).")]
    public string? IfMatch { get; init; }

    [Description("Of an eventual keyspace: what the writer has seen, as an answer gave it.")]
    public string? Context { get; init; }
}
