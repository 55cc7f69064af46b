using System.ComponentModel;
using System.Text.Json;

namespace GrainDb.Api.Keys;

/// <summary>The key of one operation in a JSON body: exactly one of key and key64.</summary>
public abstract record KeyOperand
{
    public string? Keyspace { get; init; }

    [Description("The key as text.")]
    public string? Key { get; init; }

    [Description("The key as base64url, for arbitrary bytes; instead of key.")]
    public string? Key64 { get; init; }
}

/// <summary>A value to be stored: exactly one of value, json, value64.</summary>
public abstract record PutOperand : KeyOperand
{
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
}
