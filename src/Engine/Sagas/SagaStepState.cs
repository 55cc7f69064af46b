using System.Text.Json;

namespace GrainDb.Engine.Sagas;

/// <summary>One step of a saga.</summary>
/// <param name="Step">What it is.</param>
public sealed record SagaStepState(SagaStep Step)
{
    /// <summary>How far it is.</summary>
    public SagaStepStatus Status { get; init; }

    /// <summary>What the service is given; undefined before it is scheduled.</summary>
    public JsonElement Input { get; init; }

    /// <summary>What the service gave back; undefined before it is completed.</summary>
    public JsonElement Output { get; init; }

    /// <summary>Failed attempts in the direction in which it is going.</summary>
    public int Failed { get; init; }

    /// <summary>Before it nothing is tried again.</summary>
    public DateTimeOffset RetryAt { get; init; }

    /// <summary>Whether the budget of that direction is over: it goes on slowly.</summary>
    public bool IsExhausted { get; init; }

    /// <summary>Why the last attempt failed, or why it was refused; null when nothing did.</summary>
    public string? Reason { get; init; }

    /// <summary>
    /// Whether it may have an effect that has to be undone on the way back. One that a person skipped too: it may have had its effect before, and nobody was told. Not one that was skipped before it was
    /// scheduled: it was never called.
    /// </summary>
    public bool HasObligation => Status is SagaStepStatus.Scheduled or SagaStepStatus.Completed or SagaStepStatus.Undoing
        || (Status == SagaStepStatus.Skipped && Input.ValueKind != JsonValueKind.Undefined);
}
