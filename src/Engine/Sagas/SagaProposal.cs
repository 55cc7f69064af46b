using System.Text.Json;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Sagas;

/// <summary>What becomes of a request, given the saga as it is.</summary>
public abstract record SagaVerdict
{
    /// <summary>It happens by appending a row.</summary>
    /// <param name="Event">The row.</param>
    public sealed record Row(SagaEvent Event) : SagaVerdict;

    /// <summary>Nothing is to be done: it is so already.</summary>
    /// <param name="IsRepeated">Whether because the same request came before.</param>
    public sealed record Already(bool IsRepeated) : SagaVerdict;

    /// <summary>It cannot happen.</summary>
    /// <param name="Why">Why.</param>
    public sealed record Refused(Failure Why) : SagaVerdict;
}

/// <summary>
/// A request from outside that waits for its row. It is evaluated against the newest state each time rows are appended, until its own is among them or it is refused; evaluated again after a lost
/// append, so what it says must hold then.
/// </summary>
public sealed class SagaProposal
{
    private readonly Func<SagaState?, DateTimeOffset, SagaVerdict> _evaluate;
    private readonly Action<SagaVerdict> _done;

    /// <param name="evaluate">What becomes of it; the state is null while there is no such saga.</param>
    /// <param name="stamp">Stored with its row; null for none.</param>
    /// <param name="done">Called once, with the verdict: a row is durable then.</param>
    public SagaProposal(Func<SagaState?, DateTimeOffset, SagaVerdict> evaluate, IdempotencyStamp? stamp, Action<SagaVerdict> done)
    {
        ArgumentNullException.ThrowIfNull(evaluate);
        ArgumentNullException.ThrowIfNull(done);
        _evaluate = evaluate;
        _done = done;
        Stamp = stamp;
    }

    internal IdempotencyStamp? Stamp { get; }

    /// <summary>Rows of it that were sent and may be in the log, or may still come into it.</summary>
    internal List<byte[]> Sent { get; } = [];

    /// <summary>The definition of a saga that it may start; else null.</summary>
    internal SagaDefinition? Starts { get; private init; }

    /// <summary>Starts the saga, or finds that the same was started.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="definition">The definition to begin on.</param>
    /// <param name="isVersionFixed">Whether a saga on another version of it is another one.</param>
    /// <param name="input">What it is started with.</param>
    /// <param name="traceParent">The trace in which it is; null for none.</param>
    /// <param name="done">Called once, with the verdict.</param>
    public static SagaProposal Start(string id, SagaDefinition definition, bool isVersionFixed, JsonElement input, string? traceParent, Action<SagaVerdict> done)
    {
        ArgumentNullException.ThrowIfNull(definition);
        return new(Evaluate, stamp: null, done) { Starts = definition };

        SagaVerdict Evaluate(SagaState? state, DateTimeOffset now)
        {
            if (state is null)
                return new SagaVerdict.Row(new SagaEvent.Started(now, id, definition.Name, definition.Version, input) { TraceParent = traceParent });
            return state.Definition.Name == definition.Name
                && (!isVersionFixed || state.Definition.Version == definition.Version)
                && JsonElement.DeepEquals(state.Input, input)
                ? new SagaVerdict.Already(IsRepeated: true)
                : new SagaVerdict.Refused(Failure.NotApplied(
                    ErrorCode.IdempotencyMismatch, $"saga {id} was started with another definition or input: it is on {state.Definition.Name} version {state.Definition.Version}"));
        }
    }

    /// <summary>Turns it back. To ask for it twice is no failure.</summary>
    public static SagaProposal Cancel(string actor, string reason, IdempotencyStamp? stamp, Action<SagaVerdict> done) => Existing(stamp, done, (state, now) =>
        state.End == SagaStatus.Compensated || state is { End: null, IsBackward: true } ? new SagaVerdict.Already(IsRepeated: false)
        : SagaMachine.WhyNotCancel(state) is { } refused ? new SagaVerdict.Refused(refused)
        : state.StuckIn is null ? new SagaVerdict.Row(new SagaEvent.CancelRequested(now, actor, reason))
        : new SagaVerdict.Row(new SagaEvent.Operator(now, SagaOperatorAction.Compensate, null, actor, reason, default)));

    /// <summary>Brings a signal. The first of a name counts; another one with the same name is no failure and changes nothing.</summary>
    public static SagaProposal Signal(string name, JsonElement payload, IdempotencyStamp? stamp, Action<SagaVerdict> done) => Existing(stamp, done, (state, now) =>
        state.Signals.ContainsKey(name) ? new SagaVerdict.Already(IsRepeated: false)
        : state.End is { } end ? new SagaVerdict.Refused(Conflict($"saga {state.Id} has ended: {end}"))
        : state.Signals.Count >= SagaLimits.MaxSignals ? new SagaVerdict.Refused(Conflict($"saga {state.Id} has {SagaLimits.MaxSignals} signals, which is the limit"))
        : state.IsLogFull ? new SagaVerdict.Refused(Conflict(SagaMachine.WhyLogFull(state)))
        : new SagaVerdict.Row(new SagaEvent.SignalReceived(now, name, payload)));

    /// <summary>What a person does. To pause what is paused, and to resume what is not, is no failure.</summary>
    public static SagaProposal Operator(SagaOperatorAction action, string? step, string actor, string reason, JsonElement output, IdempotencyStamp? stamp, Action<SagaVerdict> done) =>
        Existing(stamp, done, (state, now) =>
            state.End is null && (action == SagaOperatorAction.Pause ? state.IsPaused : action == SagaOperatorAction.Resume && !state.IsPaused) ? new SagaVerdict.Already(IsRepeated: false)
            : SagaMachine.WhyNot(state, action, step) is { } refused ? new SagaVerdict.Refused(refused)
            : new SagaVerdict.Row(new SagaEvent.Operator(now, action, step, actor, reason, output)));

    /// <summary>Waits for the saga to be known.</summary>
    public static SagaProposal Look(Action<SagaVerdict> done) => Existing(stamp: null, done, (_, _) => new SagaVerdict.Already(IsRepeated: false));

    internal SagaVerdict Evaluate(SagaState? state, DateTimeOffset now) => _evaluate(state, now);

    internal void Complete(SagaVerdict verdict) => _done(verdict);

    private static SagaProposal Existing(IdempotencyStamp? stamp, Action<SagaVerdict> done, Func<SagaState, DateTimeOffset, SagaVerdict> evaluate) => new(
        (state, now) => state is null ? new SagaVerdict.Refused(Failure.NotApplied(ErrorCode.SagaNotFound, "there is no such saga")) : evaluate(state, now), stamp, done);

    private static Failure Conflict(string why) => Failure.NotApplied(ErrorCode.SagaStateConflict, why);
}
