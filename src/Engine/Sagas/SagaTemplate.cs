using System.Text.Json;
using System.Text.Json.Nodes;

namespace GrainDb.Engine.Sagas;

/// <summary>
/// How a step's input is made: any JSON in which a string that begins with <c>$.</c> stands for a value of the saga: <c>$.id</c>, <c>$.input.…</c>,
/// <c>$.steps.{name}.…</c> (an output of an earlier step) or <c>$.signals.{name}.…</c>. <c>$$</c> at the beginning writes a single <c>$</c>.
/// What is not there becomes null.
/// </summary>
public static class SagaTemplate
{
    private const int MaxDepth = 32;

    /// <summary>Each may be replaced by as much as a whole output.</summary>
    private const int MaxReferences = 100;

    /// <summary>What is wrong with a template, given the steps whose outputs it may use.</summary>
    public static IEnumerable<string> FindProblems(JsonElement template, IEnumerable<string> earlierSteps)
    {
        ArgumentNullException.ThrowIfNull(earlierSteps);
        if (template.ValueKind == JsonValueKind.Undefined)
            return [];
        var known = earlierSteps.ToHashSet(StringComparer.Ordinal);
        var problems = new List<string>();
        Check(template, known, problems, MaxDepth);
        if (CountReferences(template) is var references and > MaxReferences)
            problems.Add($"{references} values of the saga, the limit is {MaxReferences}");
        return problems;
    }

    /// <summary>Makes the input.</summary>
    /// <param name="template">Undefined for the saga's input as it is.</param>
    /// <param name="state">The saga so far.</param>
    public static JsonElement Fill(JsonElement template, SagaState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (template.ValueKind == JsonValueKind.Undefined)
            return state.Input;
        return JsonSerializer.SerializeToElement(Fill(template, path => Resolve(path, state)), SagaJson.Options);
    }

    private static void Check(JsonElement element, HashSet<string> known, List<string> problems, int depth)
    {
        if (depth == 0)
        {
            problems.Add($"deeper than {MaxDepth}");
            return;
        }

        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var member in element.EnumerateObject())
                    Check(member.Value, known, problems, depth - 1);
                break;
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray())
                    Check(item, known, problems, depth - 1);
                break;
            case JsonValueKind.String when PathOf(element.GetString()!) is { } path:
                if (WhyNot(path, known) is { } problem)
                    problems.Add(problem);
                break;
        }
    }

    private static int CountReferences(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().Sum(member => CountReferences(member.Value)),
        JsonValueKind.Array => element.EnumerateArray().Sum(CountReferences),
        JsonValueKind.String => PathOf(element.GetString()!) is null ? 0 : 1,
        _ => 0,
    };

    private static string? WhyNot(string[] path, HashSet<string> known) => path switch
    {
        ["id"] or ["input", ..] or ["signals", _, ..] => null,
        ["steps", var step, ..] => known.Contains(step) ? null : $"'{step}' is no step before this one",
        _ => $"'$.{string.Join('.', path)}' names nothing: $.id, $.input, $.steps.{{name}} or $.signals.{{name}}",
    };

    private static string[]? PathOf(string text) => text.StartsWith("$.", StringComparison.Ordinal) ? text[2..].Split('.') : null;

    private static JsonNode? Fill(JsonElement element, Func<string[], JsonElement> resolve) => element.ValueKind switch
    {
        JsonValueKind.Object => new JsonObject(element.EnumerateObject().Select(member => KeyValuePair.Create(member.Name, Fill(member.Value, resolve)))),
        JsonValueKind.Array => new JsonArray([.. element.EnumerateArray().Select(item => Fill(item, resolve))]),
        JsonValueKind.String when element.GetString() is { } text => PathOf(text) is { } path
            ? ToNode(resolve(path))
            : JsonValue.Create(text.StartsWith("$$", StringComparison.Ordinal) ? text[1..] : text),
        _ => ToNode(element),
    };

    private static JsonElement Resolve(string[] path, SagaState state)
    {
        var (found, rest) = path switch
        {
            ["id"] => (JsonSerializer.SerializeToElement(state.Id, SagaJson.Options), path[1..]),
            ["input", ..] => (state.Input, path[1..]),
            ["steps", var step, ..] => (state.OutputOf(step), path[2..]),
            ["signals", var signal, ..] => (state.PayloadOf(signal), path[2..]),
            _ => (default, []),
        };
        foreach (var name in rest)
        {
            if (found.ValueKind != JsonValueKind.Object || !found.TryGetProperty(name, out found))
                return default;
        }

        return found;
    }

    private static JsonNode? ToNode(JsonElement element) =>
        element.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null ? null : JsonNode.Parse(element.GetRawText());
}
