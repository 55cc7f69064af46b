using System.ComponentModel;
using System.Text.Json;
using GrainDb.Api.Errors;
using GrainDb.Api.Keys;

namespace GrainDb.Api.Conflicts;

/// <summary>The body of <c>POST /v1/conflicts/{id}/resolve</c>: exactly one decision.</summary>
public sealed record ResolveBody
{
    [Description("true: what stands is right. Nothing is written; the conflict is not listed any more.")]
    public bool? Accept { get; init; }

    [Description("The dot of a loser: its value is written again, over what stands now. The dot of the winner accepts.")]
    public string? Keep { get; init; }

    [Description("true: the key is deleted.")]
    public bool? Delete { get; init; }

    [Description("The value to write over what stands now, as text.")]
    public string? Value { get; init; }

    [Description("The same as any JSON.")]
    public JsonElement Json { get; init; }

    [Description("The same as base64 or base64url.")]
    public string? Value64 { get; init; }

    [Description("Media type of value, json or value64; by default as in a batch.")]
    public string? ContentType { get; init; }

    internal bool HasValue => JsonOperands.CountValues(Value, Json, Value64) > 0;

    /// <summary>Refuses a body without exactly one decision.</summary>
    internal void CheckShape()
    {
        var given = (Accept is null ? 0 : 1) + (Keep is null ? 0 : 1) + (Delete is null ? 0 : 1) + JsonOperands.CountValues(Value, Json, Value64);
        if (given != 1 || Accept is false || Delete is false)
            throw BadInput.Request("The JSON body is wrong at $: it must have exactly one of accept (true), keep, delete (true), value, json and value64.");
        if (ContentType is not null && !HasValue)
            throw BadInput.Request("The JSON body is wrong at $.contentType: it goes with value, json or value64.");
    }
}

/// <summary>What the resolution of a conflict wrote.</summary>
/// <param name="Version">When.</param>
/// <param name="Dot">The write.</param>
/// <param name="Context">What has been seen of the key now.</param>
public sealed record ResolvedWrite(string Version, string Dot, string Context);

/// <summary>What came of resolving a conflict.</summary>
public sealed record ResolvedConflict
{
    [Description("What was written; null when what stood was accepted.")]
    public required ResolvedWrite? Written { get; init; }

    [Description("Whether the conflict was found, and is not listed any more.")]
    public required bool Dismissed { get; init; }

    [Description("Nodes that did not answer: what they have recorded of it is listed again when they do. Resolve it again then.")]
    public required IReadOnlyList<string> Missing { get; init; }

    [Description("Why it is still listed although the value was written; null when nothing is wrong.")]
    public required string? Detail { get; init; }
}

/// <summary>A page of ended conflicts, newest first.</summary>
public sealed record ConflictList(
    IReadOnlyList<ConflictRow> Conflicts,
    [property: Description("Continues the list when given back as ?cursor=; absent on the last page.")] string? Cursor,
    [property: Description("Nodes that did not answer: conflicts that only they saw are missing.")] IReadOnlyList<string> Missing);

/// <summary>An ended conflict between concurrent writes of one key.</summary>
public sealed record ConflictRow(
    [property: Description("For POST /v1/conflicts/{id}/resolve.")] string Id,
    string Keyspace,
    string? Key,
    string? Key64,
    [property: Description("timestamp: the newest write stands. writer: a write stands whose context had seen the losers.")] string ResolvedBy,
    [property: Description("The write that stands.")] string Winner,
    [property: Description("When, RFC 3339.")] string At,
    IReadOnlyList<LoserRow> Losers);

/// <summary>A value that does not stand any more.</summary>
public sealed record LoserRow(
    string Dot,
    string Version,
    [property: Description("Whether it was a deletion; then there is no value.")] bool Deleted,
    [property: Description("The field, of a map.")] string? Field,
    string? ContentType,
    string? Value,
    JsonElement? Json,
    string? Value64);
