using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Unicode;

namespace GrainDb.Engine.Sagas;

/// <summary>
/// A definition as JSON: what people write, with defaults, and the canonical form that is stored, with all of them filled in. Read strictly: a member that nobody knows is a problem, because
/// what it was meant to say would be lost.
/// </summary>
public static class SagaDefinitionJson
{
    /// <summary>Timeout of a step that names none.</summary>
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(30);

    private static readonly JsonSerializerOptions Options = Create();

    /// <summary>The canonical form: two definitions that do the same have the same.</summary>
    public static byte[] Encode(SagaDefinition definition)
    {
        ArgumentNullException.ThrowIfNull(definition);
        return JsonSerializer.SerializeToUtf8Bytes(
            new Document { Deadline = definition.Deadline, Steps = [.. definition.Steps.Select(ToDocument)] },
            Options);
    }

    /// <summary>SHA-256 of the canonical form, hex.</summary>
    public static string HashOf(ReadOnlySpan<byte> canonical) => Convert.ToHexStringLower(SHA256.HashData(canonical));

    /// <summary>Reads a definition.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="version">Its version.</param>
    /// <param name="json">What somebody wrote, or the canonical form.</param>
    /// <param name="problems">Everything that is wrong with it; empty when it can be used.</param>
    /// <returns>Null when it cannot be read, or cannot be used.</returns>
    public static SagaDefinition? Read(string name, int version, ReadOnlySpan<byte> json, out IReadOnlyList<string> problems)
    {
        if (!Utf8.IsValid(json))
        {
            problems = ["it is not UTF-8"];
            return null;
        }

        try
        {
            var document = JsonSerializer.Deserialize<Document>(json, Options);
            var definition = new SagaDefinition(name, version, [.. (document?.Steps ?? []).Select(ToStep)], document?.Deadline);
            problems = definition.FindProblems();
            return problems.Count == 0 ? definition : null;
        }
        catch (JsonException exception)
        {
            problems = [Describe(exception)];
            return null;
        }
        catch (InvalidOperationException)
        {
            problems = ["a text in it is no Unicode: half of a surrogate pair"];
            return null;
        }
    }

    private static string Describe(JsonException exception)
    {
        var end = exception.Message.IndexOf(" Path: ", StringComparison.Ordinal);
        return $"at {exception.Path ?? "$"}: {(end < 0 ? exception.Message : exception.Message[..end])}";
    }

    private static StepDocument ToDocument(SagaStep step) => new()
    {
        Name = step.Name,
        Service = step.Service,
        Action = step.Action,
        Compensation = step.Compensation,
        Kind = step.Kind,
        Group = step.Group,
        Timeout = step.Timeout,
        Retry = new RetryDocument
        {
            FirstPause = step.Retry.FirstPause,
            Factor = step.Retry.Factor,
            LongestPause = step.Retry.LongestPause,
            ForwardAttempts = step.Retry.ForwardAttempts,
            BackwardAttempts = step.Retry.BackwardAttempts,
        },
        WaitFor = step.WaitFor,
        Input = step.Input.ValueKind == JsonValueKind.Undefined ? null : step.Input,
    };

    private static SagaStep ToStep(StepDocument? step)
    {
        var retry = step?.Retry;
        return new SagaStep(
            step?.Name ?? "",
            step?.Service ?? "",
            step?.Action ?? "",
            step?.Compensation,
            step?.Kind ?? SagaStepKind.Compensatable,
            step?.Group,
            step?.Timeout ?? DefaultTimeout,
            new SagaRetry(
                retry?.FirstPause ?? SagaRetry.Default.FirstPause,
                retry?.Factor ?? SagaRetry.Default.Factor,
                retry?.LongestPause ?? SagaRetry.Default.LongestPause,
                retry?.ForwardAttempts ?? SagaRetry.Default.ForwardAttempts,
                retry?.BackwardAttempts ?? SagaRetry.Default.BackwardAttempts),
            step?.WaitFor,
            step?.Input ?? default);
    }

    private static JsonSerializerOptions Create()
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web)
        {
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            NumberHandling = JsonNumberHandling.Strict,
            PropertyNameCaseInsensitive = false,
            UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
            AllowDuplicateProperties = false,
        };
        options.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false));
        options.Converters.Add(new DurationConverter());
        options.MakeReadOnly(populateMissingResolver: true);
        return options;
    }

    private sealed record Document
    {
        public List<StepDocument?>? Steps { get; init; }

        public TimeSpan? Deadline { get; init; }
    }

    private sealed record StepDocument
    {
        public string? Name { get; init; }

        public string? Service { get; init; }

        public string? Action { get; init; }

        public string? Compensation { get; init; }

        public SagaStepKind? Kind { get; init; }

        public string? Group { get; init; }

        public TimeSpan? Timeout { get; init; }

        public RetryDocument? Retry { get; init; }

        public string? WaitFor { get; init; }

        public JsonElement? Input { get; init; }
    }

    private sealed record RetryDocument
    {
        public TimeSpan? FirstPause { get; init; }

        public double? Factor { get; init; }

        public TimeSpan? LongestPause { get; init; }

        public int? ForwardAttempts { get; init; }

        public int? BackwardAttempts { get; init; }
    }

    /// <summary>A whole number and a unit: <c>500ms</c>, <c>30s</c>, <c>15m</c>, <c>1h</c>, <c>7d</c>; the largest unit that divides it is written.</summary>
    private sealed class DurationConverter : JsonConverter<TimeSpan>
    {
        private static readonly (string Unit, long Ticks)[] Units =
        [
            ("d", TimeSpan.TicksPerDay), ("h", TimeSpan.TicksPerHour), ("m", TimeSpan.TicksPerMinute), ("s", TimeSpan.TicksPerSecond), ("ms", TimeSpan.TicksPerMillisecond),
        ];

        public override TimeSpan Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            if (reader.TokenType != JsonTokenType.String)
                throw new JsonException("a duration is a text: 500ms, 30s, 15m, 1h or 7d.");
            var text = reader.GetString()!;
            var digits = text.AsSpan().IndexOfAnyExceptInRange('0', '9');
            if (digits > 0 && long.TryParse(text.AsSpan(0, digits), NumberStyles.None, CultureInfo.InvariantCulture, out var count))
            {
                foreach (var (unit, ticks) in Units)
                {
                    if (text.AsSpan(digits).SequenceEqual(unit) && count <= TimeSpan.MaxValue.Ticks / ticks)
                        return TimeSpan.FromTicks(count * ticks);
                }
            }

            throw new JsonException($"'{(text.Length <= 64 ? text : text[..64])}' is no duration: 500ms, 30s, 15m, 1h or 7d.");
        }

        public override void Write(Utf8JsonWriter writer, TimeSpan value, JsonSerializerOptions options)
        {
            var (unit, ticks) = value == TimeSpan.Zero ? ("s", TimeSpan.TicksPerSecond) : Array.Find(Units, unit => value.Ticks % unit.Ticks == 0 || unit.Ticks == TimeSpan.TicksPerMillisecond);
            writer.WriteStringValue(string.Create(CultureInfo.InvariantCulture, $"{value.Ticks / ticks}{unit}"));
        }
    }
}
