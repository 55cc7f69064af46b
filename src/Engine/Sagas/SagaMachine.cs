using GrainDb.Interfaces.Errors;

namespace GrainDb.Engine.Sagas;

/// <summary>
/// What a saga does next, as a function of its log and the time. Whoever drives it appends the rows that it asks for, by compare-and-set, before
/// anything else happens; makes the calls; turns each answer into the row that <see cref="Judge"/> gives; and asks again. After a crash the log is
/// read, and the same question gets the same answer: a call whose outcome was not recorded is made once more, under the same key.
/// <para>
/// What holds: a step is called only after its <see cref="SagaEvent.StepScheduled"/> is durable, so nothing that may have an effect is ever
/// forgotten; before the pivot every step that was scheduled is undone on the way back, in reverse, each after those behind it; behind the pivot there
/// is no way back; <see cref="SagaStatus.Compensated"/> is said only when every obligation has a recorded outcome.
/// </para>
/// </summary>
public static class SagaMachine
{
    private static readonly HashSet<string> NothingInFlight = [];

    /// <summary>What to do next. Rows come first: where there is one, it is the only action.</summary>
    /// <param name="state">The saga.</param>
    /// <param name="now">The time.</param>
    /// <param name="inFlight">Steps whose call is under way, in the same activation.</param>
    public static IReadOnlyList<SagaAction> Next(SagaState state, DateTimeOffset now, IReadOnlySet<string> inFlight)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(inFlight);
        if (state.End is not null)
            return [];
        if (state.IsLogFull)
            return AtTheLimit(state, now);
        if (state.Definition.Deadline is { } deadline && !state.IsOverdue && now >= state.StartedAt + deadline)
            return [new SagaAction.Append(new SagaEvent.DeadlinePassed(now))];
        var actions = state.IsBackward ? Backward(state, now, inFlight) : Forward(state, now, inFlight);
        return actions.Count > 0 ? actions : [new SagaAction.Wait(NextMoment(state, inFlight))];
    }

    /// <summary>The row that an answer makes.</summary>
    /// <param name="state">The saga as it is now; something may have come in between.</param>
    /// <param name="call">What was called.</param>
    /// <param name="result">What came back.</param>
    /// <param name="now">The time.</param>
    /// <param name="jitter">Uniform in [0, 1).</param>
    /// <returns>Null when the answer says nothing any more: the step has its outcome, or is going the other way.</returns>
    public static SagaEvent? Judge(SagaState state, SagaAction.Call call, SagaCallResult result, DateTimeOffset now, double jitter)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(call);
        ArgumentNullException.ThrowIfNull(result);
        var step = state.Find(call.Step.Step.Name);
        if (state.End is not null || step.Status != (call.IsUndo ? SagaStepStatus.Undoing : SagaStepStatus.Scheduled))
            return null;
        var reason = result.Reason.Length <= SagaLimits.MaxReasonLength ? result.Reason : result.Reason[..SagaLimits.MaxReasonLength];
        return result.Status switch
        {
            SagaCallStatus.Completed when call.IsUndo => new SagaEvent.UndoCompleted(now, step.Step.Name, result.Output),
            SagaCallStatus.Completed => new SagaEvent.StepCompleted(now, step.Step.Name, result.Output),
            SagaCallStatus.Rejected when !call.IsUndo && step.Step.Kind != SagaStepKind.Retriable => new SagaEvent.StepRejected(now, step.Step.Name, reason),
            SagaCallStatus.Bug or SagaCallStatus.Rejected => Failed(step, call.IsUndo, reason, now, jitter, isBug: true),
            _ => Failed(step, call.IsUndo, reason, now, jitter, isBug: false),
        };
    }

    /// <summary>Why a person cannot do this now; null when it can be done, by appending the row.</summary>
    public static Failure? WhyNot(SagaState state, SagaOperatorAction action, string? step)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (state.End is { } end)
            return Refused($"it has ended: {SagaJson.NameOf(end)}");
        if (state.IsLogFull && action != SagaOperatorAction.Close)
            return LogFull(state);
        if (action is SagaOperatorAction.Retry or SagaOperatorAction.Skip or SagaOperatorAction.MarkUndone)
        {
            if (step is null || state.Steps.FirstOrDefault(each => each.Step.Name == step) is not { } found)
                return Failure.NotApplied(ErrorCode.InvalidRequest, $"saga {state.Id} has no step '{step}'");
            return (action, found.Status) switch
            {
                (SagaOperatorAction.Retry, SagaStepStatus.Scheduled or SagaStepStatus.Undoing) => null,
                (SagaOperatorAction.Skip, SagaStepStatus.Scheduled) when !state.IsBackward => null,
                (SagaOperatorAction.Retry or SagaOperatorAction.Skip, SagaStepStatus.NotStarted) when state.StuckIn == step && !state.IsBackward => null, // its input cannot be given
                (SagaOperatorAction.MarkUndone, SagaStepStatus.Undoing) => null,
                (SagaOperatorAction.MarkUndone, SagaStepStatus.Scheduled or SagaStepStatus.Completed or SagaStepStatus.Skipped) when state.IsBackward => null,
                _ => Refused($"step '{step}' is {SagaJson.NameOf(found.Status)}, going {(state.IsBackward ? "backward" : "forward")}"),
            };
        }

        return action switch
        {
            SagaOperatorAction.Pause when state.IsPaused => Refused("it is paused"),
            SagaOperatorAction.Resume when !state.IsPaused => Refused("it is not paused"),
            SagaOperatorAction.Compensate => WhyNotCancel(state),
            _ => null,
        };
    }

    /// <summary>Why it cannot be turned back now; null when it can. To ask for it twice is no failure.</summary>
    public static Failure? WhyNotCancel(SagaState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (state.End is { } end)
            return end == SagaStatus.Completed ? PastPivot(state) : Refused($"it has ended: {SagaJson.NameOf(end)}");
        return !state.CanTurnBack ? PastPivot(state) : state.IsLogFull ? LogFull(state) : null;
    }

    /// <summary>Nothing more is begun. What only needs its last row gets it; else somebody has to close it, and is told.</summary>
    private static List<SagaAction> AtTheLimit(SagaState state, DateTimeOffset now)
    {
        if (SagaIndexRow.StepOf(state) is not { } step)
            return state.IsBackward ? Backward(state, now, NothingInFlight) : Forward(state, now, NothingInFlight);
        return state.StuckIn is null ? [new SagaAction.Append(new SagaEvent.Stuck(now, step.Step.Name, WhyLogFull(state)))] : [new SagaAction.Wait(null)];
    }

    private static List<SagaAction> Forward(SagaState state, DateTimeOffset now, IReadOnlySet<string> inFlight)
    {
        if (WhyStuck(state) is { } stuck)
            return [new SagaAction.Append(new SagaEvent.Stuck(now, stuck.Step.Name, stuck.Reason ?? ""))];
        if (!state.IsPastPivot && state.Steps.Any(step => step.Step.Kind != SagaStepKind.Compensatable) && state.Steps.All(step => IsDone(step) || step.Step.Kind == SagaStepKind.Retriable))
            return [new SagaAction.Append(new SagaEvent.PivotPassed(now))];
        var next = state.Steps.ToList().FindIndex(step => !IsDone(step));
        if (next < 0)
            return [new SagaAction.Append(new SagaEvent.Ended(now, SagaStatus.Completed))];
        var (first, last) = state.Definition.GroupOf(next);
        var actions = new List<SagaAction>();
        for (var i = first; i <= last; i++)
        {
            var step = state.Steps[i];
            if (step.Status == SagaStepStatus.NotStarted && !state.IsPaused && (step.Step.WaitFor is not { } signal || state.Signals.ContainsKey(signal)))
            {
                var input = SagaTemplate.Fill(step.Step.Input, state);
                if (SagaJson.WhyNot(input) is { } why)
                    return state.StuckIn is null ? [new SagaAction.Append(new SagaEvent.Stuck(now, step.Step.Name, $"its input cannot be given: {why}"))] : [];
                return [new SagaAction.Append(new SagaEvent.StepScheduled(now, step.Step.Name, input))];
            }

            if (step.Status == SagaStepStatus.Scheduled && MayCall(state, step, now, inFlight))
                actions.Add(new SagaAction.Call(step, IsUndo: false, step.Failed + 1));
        }

        return actions;
    }

    private static List<SagaAction> Backward(SagaState state, DateTimeOffset now, IReadOnlySet<string> inFlight)
    {
        if (WhyStuck(state) is { } stuck)
            return [new SagaAction.Append(new SagaEvent.Stuck(now, stuck.Step.Name, stuck.Reason ?? ""))];
        var next = state.Steps.ToList().FindLastIndex(MustBeUndone);
        if (next < 0)
            return [new SagaAction.Append(new SagaEvent.Ended(now, SagaStatus.Compensated))];
        var (first, last) = state.Definition.GroupOf(next);
        var actions = new List<SagaAction>();
        for (var i = last; i >= first; i--)
        {
            var step = state.Steps[i];
            if (!MustBeUndone(step) || (inFlight.Contains(step.Step.Name) && step.Status != SagaStepStatus.Undoing))
                continue; // a call forward that is under way is waited for: its answer may save the undo, and the two must not cross
            if (step.Status != SagaStepStatus.Undoing && !state.IsPaused)
                return [new SagaAction.Append(new SagaEvent.UndoScheduled(now, step.Step.Name))];
            if (step.Status == SagaStepStatus.Undoing && MayCall(state, step, now, inFlight))
                actions.Add(new SagaAction.Call(step, IsUndo: true, step.Failed + 1));
        }

        return actions;
    }

    private static bool MustBeUndone(SagaStepState step) => step.HasObligation && step.Step.Compensation is not null;

    private static bool IsDone(SagaStepState step) => step.Status is SagaStepStatus.Completed or SagaStepStatus.Skipped;

    private static bool MayCall(SagaState state, SagaStepState step, DateTimeOffset now, IReadOnlySet<string> inFlight) =>
        !state.IsPaused && step.RetryAt <= now && !inFlight.Contains(step.Step.Name);

    /// <summary>A step whose budget is over in the direction in which the saga goes, and about which nobody was told yet.</summary>
    private static SagaStepState? WhyStuck(SagaState state) => state.StuckIn is not null
        ? null
        : state.Steps.FirstOrDefault(step => step.IsExhausted && step.Status == (state.IsBackward ? SagaStepStatus.Undoing : SagaStepStatus.Scheduled));

    private static DateTimeOffset? NextMoment(SagaState state, IReadOnlySet<string> inFlight)
    {
        var moments = state.IsPaused
            ? []
            : state.Steps.Where(step => step.Status == (state.IsBackward ? SagaStepStatus.Undoing : SagaStepStatus.Scheduled) && !inFlight.Contains(step.Step.Name))
                .Select(step => step.RetryAt).ToList();
        if (state.Definition.Deadline is { } deadline && !state.IsOverdue)
            moments.Add(state.StartedAt + deadline);
        return moments.Count == 0 ? null : moments.Min();
    }

    private static SagaEvent.AttemptFailed Failed(SagaStepState step, bool isUndo, string reason, DateTimeOffset now, double jitter, bool isBug)
    {
        var attempt = step.Failed + 1;
        var retry = step.Step.Retry;
        var isExhausted = isBug || attempt >= (isUndo ? retry.BackwardAttempts : retry.ForwardAttempts);
        return new SagaEvent.AttemptFailed(now, step.Step.Name, isUndo, attempt, reason, now + (isExhausted ? SagaLimits.StuckRetry : retry.PauseAfter(attempt, jitter)), isExhausted, isBug);
    }

    internal static string WhyLogFull(SagaState state) => $"its log has {state.Rows} rows, the limit is {SagaLimits.MaxLogRows}: it can only be closed";

    private static Failure LogFull(SagaState state) => Refused(WhyLogFull(state));

    private static Failure PastPivot(SagaState state) => Failure.NotApplied(ErrorCode.SagaPastPivot, $"saga {state.Id} is past the point of no return");

    private static Failure Refused(string why) => Failure.NotApplied(ErrorCode.SagaStateConflict, why);
}
