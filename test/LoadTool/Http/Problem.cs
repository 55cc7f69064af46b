using System.Text.Json;

namespace GrainDb.LoadTool.Http;

/// <summary>What an <c>application/problem+json</c> body says.</summary>
/// <param name="Code">The problem's code; <c>http_STATUS</c> when the body is no problem document.</param>
/// <param name="Outcome"><c>notApplied</c>, <c>unknown</c> or <c>applied</c>; <c>unknown</c> when the body does not say.</param>
/// <param name="CurrentVersion">The version that made a condition fail; null when it is not named.</param>
internal readonly record struct Problem(string Code, string Outcome, string? CurrentVersion)
{
    /// <summary>Whether the request certainly had no effect.</summary>
    public bool NotApplied => Outcome == "notApplied";

    /// <summary>Reads the response of a request that failed.</summary>
    public static Problem Read(ResponseParser response)
    {
        try
        {
            var reader = new Utf8JsonReader(response.Body);
            using var document = JsonDocument.ParseValue(ref reader);
            return new(
                Text(document.RootElement, "code") ?? $"http_{response.Status}",
                Text(document.RootElement, "outcome") ?? "unknown",
                Text(document.RootElement, "currentVersion"));
        }
        catch (JsonException)
        {
            return new($"http_{response.Status}", "unknown", null);
        }
    }

    private static string? Text(JsonElement root, string name) =>
        root.ValueKind == JsonValueKind.Object && root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}
