using System.Text.Json;

namespace GrainDb.Engine.Sagas;

/// <summary>How far one saga is, as lists and the supervisor read it: written together with the rows of the log that it follows from.</summary>
/// <param name="Id">The saga.</param>
/// <param name="Definition">Name of its definition.</param>
/// <param name="Version">Its version.</param>
/// <param name="Status">How far it is.</param>
/// <param name="IsPaused">Whether it is paused.</param>
/// <param name="Step">The step at which it is; null before the first and at the end.</param>
/// <param name="Reason">Why it stands there; null when there is nothing to say.</param>
/// <param name="StartedAt">When it was started.</param>
/// <param name="UpdatedAt">When the last row was appended.</param>
/// <param name="Due">When it wants to go on by itself; null when it has ended or waits for something from outside.</param>
public sealed record SagaIndexRow(
    string Id,
    string Definition,
    int Version,
    SagaStatus Status,
    bool IsPaused,
    string? Step,
    string? Reason,
    DateTimeOffset StartedAt,
    DateTimeOffset UpdatedAt,
    DateTimeOffset? Due)
{
    private static readonly HashSet<string> NothingInFlight = [];

    /// <summary>Whether it has ended.</summary>
    public bool HasEnded => Status is SagaStatus.Completed or SagaStatus.Compensated or SagaStatus.ClosedManually;

    /// <summary>What is to be said of a saga.</summary>
    public static SagaIndexRow Of(SagaState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        var now = state.UpdatedAt;
        return new SagaIndexRow(
            state.Id, state.Definition.Name, state.Definition.Version, state.StatusAt(now), state.IsPaused, StepOf(state)?.Step.Name, state.WhyHere(now), state.StartedAt, now, DueOf(state, now));
    }

    /// <summary>As it is stored.</summary>
    public byte[] Encode() => JsonSerializer.SerializeToUtf8Bytes(this, SagaJson.Options);

    /// <summary>Reads it back.</summary>
    /// <exception cref="JsonException">It is none that this version knows.</exception>
    public static SagaIndexRow Decode(ReadOnlySpan<byte> bytes) =>
        JsonSerializer.Deserialize<SagaIndexRow>(bytes, SagaJson.Options) ?? throw new JsonException("a row of the index of sagas is null");

    /// <summary>The step at which a saga is: where it is stuck, else the first that is not done, or the last that is left to be undone.</summary>
    public static SagaStepState? StepOf(SagaState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (state.End is not null)
            return null;
        if (state.StuckIn is { } stuck)
            return state.Find(stuck);
        return state.IsBackward
            ? state.Steps.LastOrDefault(step => step.HasObligation && step.Step.Compensation is not null)
            : state.Steps.FirstOrDefault(step => step.Status is SagaStepStatus.NotStarted or SagaStepStatus.Scheduled);
    }

    private static DateTimeOffset? DueOf(SagaState state, DateTimeOffset now)
    {
        var actions = SagaMachine.Next(state, now, NothingInFlight);
        return actions is [SagaAction.Wait wait] ? wait.Until : actions.Count == 0 ? null : now;
    }
}
