using System.Collections.Immutable;
using System.Text.Json;

namespace GrainDb.Engine.Sagas;

/// <summary>
/// What a saga's log says: the fold of its rows. Immutable; <see cref="Apply(SagaEvent)"/> gives the next one. Every activation that has read the same rows has the
/// same state.
/// </summary>
public sealed record SagaState
{
    private SagaState(SagaDefinition definition, SagaEvent.Started started)
    {
        Definition = definition;
        Id = started.Id;
        Input = started.Input;
        StartedAt = started.At;
        TraceParent = started.TraceParent;
        Steps = [.. definition.Steps.Select(step => new SagaStepState(step))];
    }

    /// <summary>The definition on which it began.</summary>
    public SagaDefinition Definition { get; }

    /// <summary>Its id.</summary>
    public string Id { get; }

    /// <summary>What it was started with.</summary>
    public JsonElement Input { get; }

    /// <summary>When.</summary>
    public DateTimeOffset StartedAt { get; }

    /// <summary>The trace in which it was started; null for none.</summary>
    public string? TraceParent { get; }

    /// <summary>Rows so far; also the sequence number of the next one.</summary>
    public int Rows { get; private init; } = 1;

    /// <summary>The steps in order.</summary>
    public ImmutableArray<SagaStepState> Steps { get; private init; }

    /// <summary>Payloads of the signals that came.</summary>
    public ImmutableDictionary<string, JsonElement> Signals { get; private init; } = ImmutableDictionary<string, JsonElement>.Empty;

    /// <summary>Whether it is on its way back.</summary>
    public bool IsBackward { get; private init; }

    /// <summary>Whether the point of no return is behind it.</summary>
    public bool IsPastPivot { get; private init; }

    /// <summary>Whether nothing new is begun.</summary>
    public bool IsPaused { get; private init; }

    /// <summary>Who paused it and why; null when it is not paused.</summary>
    public string? PauseReason { get; private init; }

    /// <summary>Whether its time was over.</summary>
    public bool IsOverdue { get; private init; }

    /// <summary>The step in which it is stuck; null when it is not.</summary>
    public string? StuckIn { get; private init; }

    /// <summary>Why it turned back, or was ended by a person; null when nothing of that happened.</summary>
    public string? Reason { get; private init; }

    /// <summary>Why it is stuck; null when it is not.</summary>
    private string? StuckReason { get; init; }

    /// <summary>How it ended; null while it has not.</summary>
    public SagaStatus? End { get; private init; }

    /// <summary>Whether everything that may have happened can still be undone.</summary>
    public bool CanTurnBack => !IsPastPivot && (Definition.Pivot is not (>= 0 and var pivot)
        || Steps[pivot].Status is SagaStepStatus.NotStarted or SagaStepStatus.Rejected
        || (Steps[pivot].Status == SagaStepStatus.Scheduled && Steps[pivot].Step.Compensation is not null)
        || IsBackward);

    /// <summary>Whether nothing more is begun, since its log would grow without end.</summary>
    public bool IsLogFull => Rows >= SagaLimits.MaxLogRows;

    /// <summary>When the last row was appended.</summary>
    public DateTimeOffset UpdatedAt { get; private init; }

    /// <summary>Builds the state of a whole log.</summary>
    /// <exception cref="InvalidDataException">The rows are no log of this definition.</exception>
    public static SagaState Of(SagaDefinition definition, IEnumerable<SagaEvent> rows)
    {
        ArgumentNullException.ThrowIfNull(definition);
        ArgumentNullException.ThrowIfNull(rows);
        SagaState? state = null;
        foreach (var row in rows)
            state = state is null ? Begin(definition, row) : state.Apply(row);
        return state ?? throw new InvalidDataException("a saga's log is empty");
    }

    /// <summary>What an earlier step gave back; undefined when it has not.</summary>
    public JsonElement OutputOf(string step) => Steps.FirstOrDefault(state => state.Step.Name == step)?.Output ?? default;

    /// <summary>What a signal brought; undefined when it has not come.</summary>
    public JsonElement PayloadOf(string signal) => Signals.GetValueOrDefault(signal);

    /// <summary>One step.</summary>
    /// <exception cref="InvalidDataException">There is no such step.</exception>
    public SagaStepState Find(string step) =>
        Steps.FirstOrDefault(state => state.Step.Name == step) ?? throw new InvalidDataException($"saga {Id} has no step '{step}'");

    /// <summary>How far it is, for people and lists.</summary>
    /// <param name="now">Tells an attempt that is being made from one that waits.</param>
    public SagaStatus StatusAt(DateTimeOffset now)
    {
        if (End is { } end)
            return end;
        if (StuckIn is not null)
            return IsBackward ? SagaStatus.StuckBackward : SagaStatus.StuckForward;
        if (IsBackward)
            return SagaStatus.Compensating;
        if (Steps.All(step => step.Status == SagaStepStatus.NotStarted))
            return Steps[0].Step.WaitFor is { } first && !Signals.ContainsKey(first) ? SagaStatus.Waiting : SagaStatus.Pending;
        var active = Steps.Where(step => step.Status == SagaStepStatus.Scheduled).ToList();
        return active.Count > 0 ? active.TrueForAll(step => step.RetryAt > now) ? SagaStatus.Waiting : SagaStatus.Running
            : Steps.FirstOrDefault(step => step.Status == SagaStepStatus.NotStarted) is { Step.WaitFor: { } signal } && !Signals.ContainsKey(signal) ? SagaStatus.Waiting
            : SagaStatus.Running;
    }

    /// <summary>The state behind one more row.</summary>
    /// <exception cref="InvalidDataException">The row cannot follow.</exception>
    public SagaState Apply(SagaEvent row)
    {
        ArgumentNullException.ThrowIfNull(row);
        if (End is not null)
            throw new InvalidDataException($"saga {Id} has ended, and its log goes on with {row.GetType().Name}");
        var next = row switch
        {
            SagaEvent.StepScheduled scheduled => With(scheduled.Step, step => step with { Status = SagaStepStatus.Scheduled, Input = scheduled.Input }),
            SagaEvent.AttemptFailed failed => With(failed.Step, step => step with
            {
                Failed = failed.Attempt,
                RetryAt = failed.RetryAt,
                IsExhausted = failed.IsExhausted,
                Reason = failed.Reason,
            }).TurnedBackBy(failed),
            SagaEvent.StepCompleted completed => With(completed.Step, step => step with { Status = SagaStepStatus.Completed, Output = completed.Output, Reason = null }).Freed(completed.Step),
            SagaEvent.StepRejected rejected => With(rejected.Step, step => step with { Status = SagaStepStatus.Rejected, Reason = rejected.Reason })
                .TurnedBack($"{rejected.Step} was rejected: {rejected.Reason}"),
            SagaEvent.UndoScheduled undo => With(undo.Step, step => step with { Status = SagaStepStatus.Undoing, Failed = 0, RetryAt = default, IsExhausted = false, Reason = null }),
            SagaEvent.UndoCompleted undone => With(undone.Step, step => step with { Status = SagaStepStatus.Undone, Reason = null }).Freed(undone.Step),
            SagaEvent.PivotPassed => this with { IsPastPivot = true },
            SagaEvent.SignalReceived signal => Signals.ContainsKey(signal.Name) ? this : this with { Signals = Signals.Add(signal.Name, signal.Payload) },
            SagaEvent.CancelRequested cancel => TurnedBack(By("cancelled", cancel.Actor, cancel.Reason)),
            SagaEvent.DeadlinePassed => CanTurnBack ? (this with { IsOverdue = true }).TurnedBack("its time is over") : this with { IsOverdue = true },
            SagaEvent.Stuck stuck => this with { StuckIn = stuck.Step, StuckReason = stuck.Reason },
            SagaEvent.Operator intervened => Apply(intervened),
            SagaEvent.Ended ended => this with { End = ended.Status },
            _ => throw new InvalidDataException($"{row.GetType().Name} cannot follow in the log of saga {Id}"),
        };
        return next with { Rows = Rows + 1, UpdatedAt = row.At };
    }

    /// <summary>Why it stands where it stands; null when it just goes on.</summary>
    /// <param name="now">Tells an attempt that is being made from one that waits.</param>
    public string? WhyHere(DateTimeOffset now)
    {
        if (End is not null)
            return Reason;
        if (IsPaused)
            return PauseReason;
        if (IsLogFull)
            return SagaMachine.WhyLogFull(this);
        if (StuckIn is { } stuck)
            return $"{stuck}: {Find(stuck).Reason ?? StuckReason}";
        if (Steps.FirstOrDefault(step => step.RetryAt > now && step.Status == (IsBackward ? SagaStepStatus.Undoing : SagaStepStatus.Scheduled)) is { } retried)
            return $"{retried.Step.Name} failed {retried.Failed} times: {retried.Reason}";
        return !IsBackward && Steps.FirstOrDefault(step => step.Status is SagaStepStatus.NotStarted or SagaStepStatus.Scheduled) is { Status: SagaStepStatus.NotStarted, Step.WaitFor: { } signal } && !Signals.ContainsKey(signal)
            ? $"waits for signal '{signal}'"
            : Reason;
    }

    private static SagaState Begin(SagaDefinition definition, SagaEvent row) => row is SagaEvent.Started started
        ? new SagaState(definition, started) { UpdatedAt = started.At }
        : throw new InvalidDataException($"a saga's log begins with {row.GetType().Name}");

    private SagaState Apply(SagaEvent.Operator row) => row.Action switch
    {
        SagaOperatorAction.Pause => this with { IsPaused = true, PauseReason = By("paused", row.Actor, row.Reason) },
        SagaOperatorAction.Resume => this with { IsPaused = false, PauseReason = null },
        SagaOperatorAction.Retry => With(row.Step!, step => step with { Failed = 0, RetryAt = default, IsExhausted = false }).Freed(row.Step!),
        SagaOperatorAction.Skip => With(row.Step!, step => step with { Status = SagaStepStatus.Skipped, Output = row.Output, Reason = row.Reason }).Freed(row.Step!),
        SagaOperatorAction.MarkUndone => With(row.Step!, step => step with { Status = SagaStepStatus.Undone, Reason = row.Reason }).Freed(row.Step!),
        SagaOperatorAction.Compensate => (this with { StuckIn = null, StuckReason = null }).TurnedBack(By("turned back", row.Actor, row.Reason)),
        SagaOperatorAction.Close => this with { End = SagaStatus.ClosedManually, Reason = By("closed", row.Actor, row.Reason) },
        _ => throw new InvalidDataException($"unknown action {row.Action} in the log of saga {Id}"),
    };

    private SagaState With(string name, Func<SagaStepState, SagaStepState> change)
    {
        var index = Steps.IndexOf(Find(name));
        return this with { Steps = Steps.SetItem(index, change(Steps[index])) };
    }

    /// <summary>Before the pivot a budget that is over turns the saga back; that step's own compensation comes first, since nobody knows whether it had its effect.</summary>
    private SagaState TurnedBackBy(SagaEvent.AttemptFailed failed)
    {
        var step = Find(failed.Step).Step;
        return failed is { IsExhausted: true, IsUndo: false, IsBug: false } && step.Compensation is not null && !IsPastPivot
            ? TurnedBack($"{failed.Step} failed {failed.Attempt} times: {failed.Reason}")
            : this;
    }

    private SagaState TurnedBack(string reason) => IsBackward ? this : this with { IsBackward = true, Reason = reason };

    private SagaState Freed(string step) => StuckIn == step ? this with { StuckIn = null, StuckReason = null } : this;

    private static string By(string what, string actor, string reason) => reason.Length == 0 ? $"{what} by {actor}" : $"{what} by {actor}: {reason}";
}
