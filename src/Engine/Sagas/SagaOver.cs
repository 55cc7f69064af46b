using System.Text.Json;

namespace GrainDb.Engine.Sagas;

/// <summary>A saga that has ended, for who takes it away after the retention: written with its last row.</summary>
/// <param name="Id">The saga.</param>
/// <param name="Definition">Name of its definition, whose steps say which services kept something of it.</param>
/// <param name="Version">Its version.</param>
public sealed record SagaOver(string Id, string Definition, int Version)
{
    /// <summary>As it is stored.</summary>
    public byte[] Encode() => JsonSerializer.SerializeToUtf8Bytes(this, SagaJson.Options);

    /// <summary>Reads it back.</summary>
    /// <exception cref="JsonException">It is none that this version knows.</exception>
    public static SagaOver Decode(ReadOnlySpan<byte> bytes) =>
        JsonSerializer.Deserialize<SagaOver>(bytes, SagaJson.Options) ?? throw new JsonException("what is kept of a saga that has ended is null");
}
