using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace GrainDb.Engine.Sagas;

/// <summary>Rows and definitions as JSON, so that an operator can read them with any client.</summary>
public static class SagaJson
{
    /// <summary>How they are written: camelCase, enums by name, what is null or undefined left out.</summary>
    public static JsonSerializerOptions Options { get; } = Create();

    /// <summary>A status, kind or outcome as rows and answers have it.</summary>
    public static string NameOf<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.CamelCase.ConvertName(value.ToString());

    /// <summary>One row of the log.</summary>
    public static byte[] Encode(SagaEvent row) => JsonSerializer.SerializeToUtf8Bytes(row, Options);

    /// <summary>Reads a row back.</summary>
    /// <exception cref="JsonException">It is no row that this version knows.</exception>
    public static SagaEvent Decode(ReadOnlySpan<byte> bytes) =>
        JsonSerializer.Deserialize<SagaEvent>(bytes, Options) ?? throw new JsonException("a row of a saga's log is null");

    /// <summary>
    /// Why a document cannot be kept: an input, an output, a payload. Null when it can. What is kept is read by every activation, and must not be something at which a reader stops.
    /// </summary>
    public static string? WhyNot(JsonElement document)
    {
        if (document.ValueKind == JsonValueKind.Undefined)
            return null;
        if (Encoding.UTF8.GetByteCount(document.GetRawText()) is var bytes and > SagaLimits.MaxDocumentBytes)
            return $"it has {bytes} bytes, the limit is {SagaLimits.MaxDocumentBytes}";
        try
        {
            return IsShallow(document, SagaLimits.MaxDocumentDepth) ? null : $"it is deeper than {SagaLimits.MaxDocumentDepth}";
        }
        catch (InvalidOperationException)
        {
            return "a text in it is no Unicode: half of a surrogate pair";
        }
    }

    /// <exception cref="InvalidOperationException">A text is no Unicode.</exception>
    private static bool IsShallow(JsonElement element, int depth)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                _ = element.GetString();
                return true;
            case JsonValueKind.Array:
                return depth > 0 && element.EnumerateArray().All(item => IsShallow(item, depth - 1));
            case JsonValueKind.Object:
                return depth > 0 && element.EnumerateObject().All(member => member.Name is not null && IsShallow(member.Value, depth - 1));
            default:
                return true;
        }
    }

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
