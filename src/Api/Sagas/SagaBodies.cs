using System.ComponentModel;
using System.Text.Json;

namespace GrainDb.Api.Sagas;

/// <summary>The body of <c>POST /v1/sagas</c>.</summary>
public sealed record SagaStartBody
{
    [Description("1 to 128 of A-Z a-z 0-9 . _ -, unique among the sagas that are kept. Left out, it is made of the Idempotency-Key, or drawn.")]
    public string? Id { get; init; }

    [Description("Name of the definition.")]
    public string? Definition { get; init; }

    [Description("Version of the definition, on which the saga stays; the newest by default.")]
    public int? Version { get; init; }

    [Description("Any JSON of at most 64 KiB; null by default.")]
    public JsonElement? Input { get; init; }
}

/// <summary>The body of what a person does to a saga.</summary>
public sealed record SagaActionBody
{
    [Description("Why, at most 1000 characters; kept in the history.")]
    public string? Reason { get; init; }

    [Description("Who, instead of the header GrainDb-Actor; kept in the history.")]
    public string? Actor { get; init; }

    [Description("Of skip: what the step counts as having given back, any JSON of at most 64 KiB.")]
    public JsonElement? Output { get; init; }
}

// The shape of a definition, for the OpenAPI document alone: it is read, and everything wrong with it named, by the node.

/// <summary>A definition of a saga: steps forward, compensations backward.</summary>
public sealed record SagaDefinitionBody
{
    [Description("1 to 50, in order: compensatable ones, then at most one pivot, then retriable ones.")]
    public IReadOnlyList<SagaStepBody> Steps { get; init; } = [];

    [Description("How long it may take: before the pivot it is undone then, after it it counts as overdue. 1h, 7d; none by default.")]
    public string? Deadline { get; init; }
}

/// <summary>One step.</summary>
public sealed record SagaStepBody
{
    [Description("Unique in the definition.")]
    public string? Name { get; init; }

    [Description("Who carries it out.")]
    public string? Service { get; init; }

    [Description("What the service is asked to do.")]
    public string? Action { get; init; }

    [Description("What undoes it. Every compensatable step has one.")]
    public string? Compensation { get; init; }

    [Description("compensatable (default), pivot or retriable.")]
    public string? Kind { get; init; }

    [Description("Neighbours with the same group run in parallel.")]
    public string? Group { get; init; }

    [Description("How long one attempt may take: 100ms to 10m, 30s by default.")]
    public string? Timeout { get; init; }

    [Description("How it is tried again.")]
    public SagaRetryBody? Retry { get; init; }

    [Description("A signal without which it does not begin.")]
    public string? WaitFor { get; init; }

    [Description("Template of the service's input: any JSON in which a string like $.id, $.input.x, $.steps.name.x or $.signals.name.x stands for a value of the saga. By default the saga's input.")]
    public JsonElement? Input { get; init; }
}

/// <summary>How a step is tried again: exponential pauses with full jitter.</summary>
public sealed record SagaRetryBody
{
    [Description("Bound of the first pause; 200ms by default.")]
    public string? FirstPause { get; init; }

    [Description("Growth of the bound, 1 to 10; 2 by default.")]
    public double? Factor { get; init; }

    [Description("The bound grows no further; 30s by default.")]
    public string? LongestPause { get; init; }

    [Description("Attempts of the step before the saga turns back, or is stuck; 8 by default.")]
    public int? ForwardAttempts { get; init; }

    [Description("Attempts of its compensation before the saga is stuck; 20 by default.")]
    public int? BackwardAttempts { get; init; }
}
