using System.Text;
using System.Text.Json;
using GrainDb.Engine.Sagas;
using GrainDb.Interfaces.Sagas;

namespace GrainDb.Grains.Sagas;

/// <summary>Sagas as callers see them.</summary>
internal static class SagaViews
{
    public static SagaView ToView(SagaState state, DateTimeOffset now) => new(ToSummary(state, now), ToBytes(state.Input), [.. state.Steps.Select(step => ToView(state, step, now))])
    {
        IsPastPivot = state.IsPastPivot,
        IsOverdue = state.IsOverdue,
        Signals = [.. state.Signals.Keys.Order(StringComparer.Ordinal)],
        Rows = state.Rows,
        Deadline = state.Definition.Deadline is { } deadline ? state.StartedAt + deadline : null,
    };

    public static SagaSummary ToSummary(SagaIndexRow row) => new()
    {
        Id = row.Id,
        Definition = row.Definition,
        Version = row.Version,
        Status = SagaJson.NameOf(row.Status),
        HasEnded = row.HasEnded,
        IsPaused = row.IsPaused,
        Step = row.Step,
        Reason = row.Reason,
        StartedAt = row.StartedAt,
        UpdatedAt = row.UpdatedAt,
    };

    private static SagaSummary ToSummary(SagaState state, DateTimeOffset now) =>
        ToSummary(SagaIndexRow.Of(state)) with { Status = SagaJson.NameOf(state.StatusAt(now)), Reason = state.WhyHere(now) };

    private static SagaStepView ToView(SagaState state, SagaStepState step, DateTimeOffset now) => new()
    {
        Name = step.Step.Name,
        Kind = SagaJson.NameOf(step.Step.Kind),
        Status = SagaJson.NameOf(step.Status),
        Service = step.Step.Service,
        FailedAttempts = step.Failed,
        RetryAt = step.Status is SagaStepStatus.Scheduled or SagaStepStatus.Undoing && step.RetryAt > now && state.End is null ? step.RetryAt : null,
        WaitsFor = step.Status == SagaStepStatus.NotStarted && step.Step.WaitFor is { } signal && !state.Signals.ContainsKey(signal) ? signal : null,
        Reason = step.Reason,
        Input = ToBytes(step.Input),
        Output = ToBytes(step.Output),
    };

    private static byte[] ToBytes(JsonElement element) => element.ValueKind == JsonValueKind.Undefined ? [] : Encoding.UTF8.GetBytes(element.GetRawText());
}
