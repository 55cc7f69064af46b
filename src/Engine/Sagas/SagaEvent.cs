using System.Text.Json;
using System.Text.Json.Serialization;

namespace GrainDb.Engine.Sagas;

/// <summary>
/// One row of a saga's log. The log is the saga: what to do next is a function of it alone. Rows are appended by compare-and-set on their
/// sequence number, so that of two activations only one continues. Names are in the database: never change or reuse one.
/// </summary>
/// <param name="At">When it was appended, by the clock of the node that did.</param>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "event")]
[JsonDerivedType(typeof(Started), "started")]
[JsonDerivedType(typeof(StepScheduled), "stepScheduled")]
[JsonDerivedType(typeof(AttemptFailed), "attemptFailed")]
[JsonDerivedType(typeof(StepCompleted), "stepCompleted")]
[JsonDerivedType(typeof(StepRejected), "stepRejected")]
[JsonDerivedType(typeof(UndoScheduled), "undoScheduled")]
[JsonDerivedType(typeof(UndoCompleted), "undoCompleted")]
[JsonDerivedType(typeof(PivotPassed), "pivotPassed")]
[JsonDerivedType(typeof(SignalReceived), "signalReceived")]
[JsonDerivedType(typeof(CancelRequested), "cancelRequested")]
[JsonDerivedType(typeof(DeadlinePassed), "deadlinePassed")]
[JsonDerivedType(typeof(Stuck), "stuck")]
[JsonDerivedType(typeof(Operator), "operator")]
[JsonDerivedType(typeof(Ended), "ended")]
public abstract record SagaEvent(DateTimeOffset At)
{
    /// <summary>The first row.</summary>
    /// <param name="At">When.</param>
    /// <param name="Id">The saga.</param>
    /// <param name="Definition">Name of its definition.</param>
    /// <param name="Version">Its version, for the saga's whole life.</param>
    /// <param name="Input">What it was started with.</param>
    public sealed record Started(DateTimeOffset At, string Id, string Definition, int Version, JsonElement Input) : SagaEvent(At)
    {
        /// <summary>The trace in which it was started (W3C <c>traceparent</c>); null for none.</summary>
        public string? TraceParent { get; init; }
    }

    /// <summary>From here on the step may have an effect, and there is a duty to undo it.</summary>
    /// <param name="At">When.</param>
    /// <param name="Step">The step.</param>
    /// <param name="Input">What the service is given, at every attempt.</param>
    public sealed record StepScheduled(DateTimeOffset At, string Step, JsonElement Input) : SagaEvent(At);

    /// <summary>An attempt of a step or of its compensation failed, or nobody knows.</summary>
    /// <param name="At">When.</param>
    /// <param name="Step">The step.</param>
    /// <param name="IsUndo">Whether it was its compensation.</param>
    /// <param name="Attempt">1, 2, …; in each direction.</param>
    /// <param name="Reason">What the service said.</param>
    /// <param name="RetryAt">When it is tried again.</param>
    /// <param name="IsExhausted">Whether its budget is over.</param>
    /// <param name="IsBug">Whether nobody can carry it out as it is: turning back would hide that, so the saga is stuck until somebody has looked.</param>
    public sealed record AttemptFailed(DateTimeOffset At, string Step, bool IsUndo, int Attempt, string Reason, DateTimeOffset RetryAt, bool IsExhausted, bool IsBug) : SagaEvent(At);

    /// <summary>The step had its effect.</summary>
    /// <param name="At">When.</param>
    /// <param name="Step">The step.</param>
    /// <param name="Output">What the service gave back.</param>
    public sealed record StepCompleted(DateTimeOffset At, string Step, JsonElement Output) : SagaEvent(At);

    /// <summary>The service refused for a reason of business: there is no effect and will be none.</summary>
    /// <param name="At">When.</param>
    /// <param name="Step">The step.</param>
    /// <param name="Reason">What the service said.</param>
    public sealed record StepRejected(DateTimeOffset At, string Step, string Reason) : SagaEvent(At);

    /// <summary>The step is about to be undone.</summary>
    /// <param name="At">When.</param>
    /// <param name="Step">The step.</param>
    public sealed record UndoScheduled(DateTimeOffset At, string Step) : SagaEvent(At);

    /// <summary>The step's effect is gone, or it never had one and never will.</summary>
    /// <param name="At">When.</param>
    /// <param name="Step">The step.</param>
    /// <param name="Output">What the service gave back.</param>
    public sealed record UndoCompleted(DateTimeOffset At, string Step, JsonElement Output) : SagaEvent(At);

    /// <summary>The point of no return: it only goes forward from here. Behind the pivot, or before the first retriable step where there is none.</summary>
    /// <param name="At">When.</param>
    public sealed record PivotPassed(DateTimeOffset At) : SagaEvent(At);

    /// <summary>A signal from outside. The first of a name counts.</summary>
    /// <param name="At">When.</param>
    /// <param name="Name">Its name.</param>
    /// <param name="Payload">What it brought.</param>
    public sealed record SignalReceived(DateTimeOffset At, string Name, JsonElement Payload) : SagaEvent(At);

    /// <summary>Somebody wants it undone.</summary>
    /// <param name="At">When.</param>
    /// <param name="Actor">Who.</param>
    /// <param name="Reason">Why.</param>
    public sealed record CancelRequested(DateTimeOffset At, string Actor, string Reason) : SagaEvent(At);

    /// <summary>Its time is over. Before the pivot it is undone; after it somebody has to look.</summary>
    /// <param name="At">When.</param>
    public sealed record DeadlinePassed(DateTimeOffset At) : SagaEvent(At);

    /// <summary>It does not get on by itself.</summary>
    /// <param name="At">When.</param>
    /// <param name="Step">Where.</param>
    /// <param name="Reason">Why.</param>
    public sealed record Stuck(DateTimeOffset At, string Step, string Reason) : SagaEvent(At);

    /// <summary>A person intervened.</summary>
    /// <param name="At">When.</param>
    /// <param name="Action">What was done.</param>
    /// <param name="Step">With which step; null for the saga as a whole.</param>
    /// <param name="Actor">Who.</param>
    /// <param name="Reason">Why.</param>
    /// <param name="Output">For <see cref="SagaOperatorAction.Skip"/>: in place of the service's.</param>
    public sealed record Operator(
        DateTimeOffset At, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] SagaOperatorAction Action, string? Step, string Actor, string Reason, JsonElement Output) : SagaEvent(At);

    /// <summary>The last row.</summary>
    /// <param name="At">When.</param>
    /// <param name="Status">How it ended.</param>
    public sealed record Ended(DateTimeOffset At, SagaStatus Status) : SagaEvent(At);
}

/// <summary>What a person can do to a saga.</summary>
public enum SagaOperatorAction
{
    /// <summary>Begin nothing new.</summary>
    Pause,

    /// <summary>Go on after a pause.</summary>
    Resume,

    /// <summary>Try the step in which it is stuck again, with a new budget.</summary>
    Retry,

    /// <summary>Take the step for completed, with an output.</summary>
    Skip,

    /// <summary>Take the step for undone.</summary>
    MarkUndone,

    /// <summary>Turn back, before the pivot.</summary>
    Compensate,

    /// <summary>End it as it is; somebody has taken care of the rest.</summary>
    Close,
}
