using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using GrainDb.Engine.Sagas;

namespace GrainDb.Grains.Sagas.Participants;

/// <summary>What an effect record says. Names are in the database: never change or reuse one.</summary>
internal enum EffectKind
{
    /// <summary><c>do</c>: the business writes were made with it.</summary>
    Done = 1,

    /// <summary><c>do</c>: refused for a reason of business.</summary>
    Rejected = 2,

    /// <summary><c>do</c>: it came after the undo, and must never have an effect.</summary>
    Refused = 3,

    /// <summary><c>undo</c>: the inverse was made with it.</summary>
    Undone = 4,

    /// <summary><c>undo</c>: there was nothing to undo, and will be nothing.</summary>
    Nothing = 5,

    /// <summary>Either: a person said so, nothing was made.</summary>
    Settled = 6,

    /// <summary><c>undo</c>, of an effect that lies elsewhere: it was begun, and no later <c>do</c> leaves this cluster.</summary>
    Begun = 7,
}

/// <summary>
/// What a service made of one direction of one step, once and for good. Written in the same transaction as the business rows, never changed.
/// </summary>
/// <param name="Kind">What it was.</param>
/// <param name="Input">Digest of the step's input, by which a call with another one is known.</param>
/// <param name="Output">What every call is given back.</param>
/// <param name="Reason">Why not; null where there is no reason.</param>
internal sealed record EffectRecord(EffectKind Kind, string Input, JsonElement Output, string? Reason)
{
    private static readonly JsonSerializerOptions Json = new(SagaJson.Options) { UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip };

    public byte[] Encode() => JsonSerializer.SerializeToUtf8Bytes(this, Json);

    /// <exception cref="JsonException">It is none.</exception>
    public static EffectRecord Decode(ReadOnlySpan<byte> bytes) =>
        JsonSerializer.Deserialize<EffectRecord>(bytes, Json) is { } record && Enum.IsDefined(record.Kind)
            ? record
            : throw new JsonException("it has no kind that this version knows");

    /// <summary>Of the input as JSON without insignificant space; the order of members counts, since it is always the same log row.</summary>
    public static string DigestOf(JsonElement input) =>
        input.ValueKind == JsonValueKind.Undefined ? "" : Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(input)).AsSpan(0, 16));
}
