using System.ComponentModel;
using System.Text.Json;
using System.Text.Json.Serialization;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Sagas;

namespace GrainDb.Api.Sagas;

/// <summary>A saga in a list.</summary>
public sealed record SagaRowDocument(
    string Id,
    string Definition,
    int Version,
    [property: Description("pending, running, waiting, compensating, stuckForward, stuckBackward; for good: completed, compensated, closedManually.")] string Status,
    [property: Description("Whether nothing new is begun.")] bool Paused,
    [property: Description("The step at which it is.")][property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Step,
    [property: Description("Why it stands where it stands.")][property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Reason,
    string StartedAt,
    [property: Description("When it went on last; its end when it has ended.")] string UpdatedAt)
{
    internal static SagaRowDocument Of(SagaSummary saga) => new(
        saga.Id, saga.Definition, saga.Version, saga.Status, saga.IsPaused, saga.Step, saga.Reason, Rfc3339.Format(saga.StartedAt), Rfc3339.Format(saga.UpdatedAt));
}

/// <summary>A page of sagas.</summary>
public sealed record SagaPageDocument(
    IReadOnlyList<SagaRowDocument> Items,
    [property: Description("Give it back as ?cursor= for the next page; absent on the last. A page may be short, even empty, and not be the last.")]
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Cursor);

/// <summary>A saga.</summary>
public sealed record SagaDocument(
    string Id,
    string Definition,
    int Version,
    [property: Description("pending, running, waiting, compensating, stuckForward, stuckBackward; for good: completed, compensated, closedManually.")] string Status,
    [property: Description("Whether nothing new is begun.")] bool Paused,
    [property: Description("Whether it only goes forward from here.")] bool PastPivot,
    [property: Description("Whether its time was over.")] bool Overdue,
    [property: Description("The step at which it is.")][property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Step,
    [property: Description("Why it stands where it stands.")][property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Reason,
    string StartedAt,
    string UpdatedAt,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? EndedAt,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Deadline,
    JsonElement Input,
    IReadOnlyList<SagaStepDocument> Steps,
    [property: Description("Signals that came.")] IReadOnlyList<string> Signals,
    [property: Description("Rows of its history.")] int Rows)
{
    internal static SagaDocument Of(SagaView saga)
    {
        var summary = saga.Summary;
        return new(
            summary.Id,
            summary.Definition,
            summary.Version,
            summary.Status,
            summary.IsPaused,
            saga.IsPastPivot,
            saga.IsOverdue,
            summary.Step,
            summary.Reason,
            Rfc3339.Format(summary.StartedAt),
            Rfc3339.Format(summary.UpdatedAt),
            summary.HasEnded ? Rfc3339.Format(summary.UpdatedAt) : null,
            saga.Deadline is { } deadline ? Rfc3339.Format(deadline) : null,
            SagaStepDocument.Parse(saga.Input) ?? default,
            [.. saga.Steps.Select(SagaStepDocument.Of)],
            saga.Signals,
            saga.Rows);
    }
}

/// <summary>One step of a saga.</summary>
public sealed record SagaStepDocument(
    string Name,
    [property: Description("compensatable, pivot or retriable.")] string Kind,
    [property: Description("notStarted, scheduled, completed, rejected, skipped, undoing or undone.")] string Status,
    string Service,
    [property: Description("In the direction in which it goes.")] int FailedAttempts,
    [property: Description("When it is tried again.")][property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? RetryAt,
    [property: Description("The signal that it waits for.")][property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? WaitsFor,
    [property: Description("What the service said last when it did not complete.")][property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Reason,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] JsonElement? Input,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] JsonElement? Output)
{
    internal static SagaStepDocument Of(SagaStepView step) => new(
        step.Name,
        step.Kind,
        step.Status,
        step.Service,
        step.FailedAttempts,
        step.RetryAt is { } retryAt ? Rfc3339.Format(retryAt) : null,
        step.WaitsFor,
        step.Reason,
        Parse(step.Input),
        Parse(step.Output));

    internal static JsonElement? Parse(ReadOnlyMemory<byte> json) => json.IsEmpty ? null : JsonElement.Parse(json.Span);
}

/// <summary>What happened to a saga, in order.</summary>
public sealed record SagaHistoryDocument(
    [property: Description("Each with sequence, event, at, and what the event says.")] IReadOnlyList<SagaEventDocument> Events,
    [property: Description("Give it back as ?from= for what comes after.")] int Next,
    [property: Description("Whether nothing comes after: the saga has ended.")] bool Complete);

/// <summary>One event of a saga, with further members by its name.</summary>
public sealed record SagaEventDocument(
    [property: Description("0, 1, ….")] int Sequence,
    [property: Description("started, stepScheduled, attemptFailed, stepCompleted, stepRejected, undoScheduled, undoCompleted, pivotPassed, signalReceived, cancelRequested, deadlinePassed, stuck, operator or ended.")] string Event,
    [property: Description("When, by the clock of the node that wrote it.")] string At,
    string? Step);

/// <summary>A stored definition: what was put, in full, with its name, version and hash.</summary>
public sealed record SagaDefinitionDocument(
    string Name,
    int Version,
    [property: Description("SHA-256, hex: two with the same hash do the same.")] string Hash,
    IReadOnlyList<SagaStepBody> Steps,
    string? Deadline);

/// <summary>A page of definitions, by name and version.</summary>
public sealed record SagaDefinitionPageDocument(
    IReadOnlyList<SagaDefinitionDocument> Items,
    [property: Description("Give it back as ?cursor= for the next page; absent on the last.")] string? Cursor);
