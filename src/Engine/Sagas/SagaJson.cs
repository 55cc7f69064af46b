using System.Text.Json;
using System.Text.Json.Serialization;

namespace GrainDb.Engine.Sagas;

/// <summary>Rows and definitions as JSON, so that an operator can read them with any client.</summary>
public static class SagaJson
{
    /// <summary>How they are written: camelCase, enums by name, what is null or undefined left out.</summary>
    public static JsonSerializerOptions Options { get; } = Create();

    /// <summary>One row of the log.</summary>
    public static byte[] Encode(SagaEvent row) => JsonSerializer.SerializeToUtf8Bytes(row, Options);

    /// <summary>Reads a row back.</summary>
    /// <exception cref="JsonException">It is no row that this version knows.</exception>
    public static SagaEvent Decode(ReadOnlySpan<byte> bytes) =>
        JsonSerializer.Deserialize<SagaEvent>(bytes, Options) ?? throw new JsonException("a row of a saga's log is null");

    private static JsonSerializerOptions Create()
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web)
        {
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault,
            NumberHandling = JsonNumberHandling.Strict,
            UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        };
        options.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.CamelCase));
        options.MakeReadOnly(populateMissingResolver: true);
        return options;
    }
}
