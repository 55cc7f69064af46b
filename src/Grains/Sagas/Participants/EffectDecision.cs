using System.Text.Json;
using GrainDb.Engine.Sagas;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Grains.Sagas.Participants;

/// <summary>
/// What a call comes to: an answer that is there already, or a transaction after which it is. The rules of the participant protocol (docs/protocols/sagas.md), pure: what was read
/// goes in, and the checks of what comes out name all of it, so that the transaction commits only where the rules would say the same.
/// </summary>
/// <param name="Answer">The answer, once the transaction has committed.</param>
/// <param name="Checks">Of the transaction.</param>
/// <param name="Writes">Of the transaction; empty where the answer is there already.</param>
internal sealed record EffectDecision(SagaCallResult Answer, IReadOnlyList<TransactCheck> Checks, IReadOnlyList<TransactWrite> Writes)
{
    private const string UndoneBefore = "the step was undone before it was carried out";

    /// <summary>Decides a call.</summary>
    /// <param name="keys">Of the step.</param>
    /// <param name="rows">What is known.</param>
    /// <param name="call">The call.</param>
    /// <param name="effect">The step.</param>
    /// <exception cref="JsonException">An effect record cannot be read.</exception>
    public static EffectDecision Of(EffectKeys keys, KnownRows rows, SagaCall call, IEffect effect) =>
        call.IsUndo ? Undo(keys, rows, call, effect) : Do(keys, rows, call, effect);

    /// <summary>Decides what a person said: completed when it is so then, rejected when it cannot be. What was there before stays.</summary>
    public static EffectDecision Settle(EffectKeys keys, KnownRows rows, SagaCall call, bool isDone, JsonElement output)
    {
        var (done, undone) = (keys.Find(rows, keys.Do), keys.Find(rows, keys.Undo));
        if (isDone ? done is not null : undone is { Kind: not EffectKind.Begun })
            return Answered(Completed(default));
        if (isDone && undone is not null)
            return Answered(Rejected($"the service has step {call.Step} of saga {call.Saga} as undone: it cannot count as done"));
        var record = new EffectRecord(EffectKind.Settled, EffectRecord.DigestOf(call.Input), isDone ? output : default, Reason: null);
        return isDone
            ? new EffectDecision(Completed(default), Untouched(keys), [keys.Rows.Put(keys.Do, record)])
            : new EffectDecision(Completed(default), [keys.Rows.Unchanged(keys.Undo, rows.Find(keys.Undo))], [keys.Rows.Put(keys.Undo, record)]);
    }

    /// <summary>
    /// Decides whether a call may leave for a service whose effects lie elsewhere: <paramref name="mayCall"/>, or the answer that stands. That an undo begins is written down first.
    /// </summary>
    public static EffectDecision Elsewhere(EffectKeys keys, KnownRows rows, SagaCall call, SagaCallResult mayCall)
    {
        var (done, undone) = (keys.Find(rows, keys.Do), keys.Find(rows, keys.Undo));
        return call.IsUndo switch
        {
            false when done is not null => Answered(Completed(done.Output)),
            false => Answered(undone is null ? mayCall : Rejected(UndoneBefore)),
            true when undone is null => new EffectDecision(
                mayCall, [keys.Rows.Absent(keys.Undo)], [keys.Rows.Put(keys.Undo, new EffectRecord(EffectKind.Begun, EffectRecord.DigestOf(call.Input), default, Reason: null))]),
            true => Answered(undone.Kind == EffectKind.Begun ? mayCall : Completed(undone.Output)),
        };
    }

    private static EffectDecision Do(EffectKeys keys, KnownRows rows, SagaCall call, IEffect effect)
    {
        var digest = EffectRecord.DigestOf(call.Input);
        if (keys.Find(rows, keys.Do) is { } done)
            return Known(done, digest, call);
        if (keys.Find(rows, keys.Undo) is not null)
        {
            return new EffectDecision(
                Rejected(UndoneBefore),
                [keys.Rows.Absent(keys.Do), keys.Rows.Exists(keys.Undo)],
                [keys.Rows.Put(keys.Do, new EffectRecord(EffectKind.Refused, digest, default, UndoneBefore))]);
        }

        return effect.Do(rows) switch
        {
            EffectPlan.Carry plan => new EffectDecision(
                Completed(plan.Output), [.. Untouched(keys), .. plan.Checks], [.. plan.Writes, keys.Rows.Put(keys.Do, new EffectRecord(EffectKind.Done, digest, plan.Output, Reason: null))]),
            EffectPlan.Reject plan => new EffectDecision(
                Rejected(plan.Reason), [.. Untouched(keys), .. plan.Checks], [keys.Rows.Put(keys.Do, new EffectRecord(EffectKind.Rejected, digest, default, plan.Reason))]),
            EffectPlan.Broken plan => Bug(plan.Reason),
            var plan => throw new InvalidOperationException($"a plan of type {plan.GetType().Name}"),
        };
    }

    /// <summary>It was called before, with the same outcome for good.</summary>
    private static EffectDecision Known(EffectRecord done, string digest, SagaCall call) => done switch
    {
        { Kind: EffectKind.Settled } => Answered(Completed(done.Output)),
        _ when done.Input != digest => Bug($"step {call.Step} of saga {call.Saga} was called with another input before"),
        { Kind: EffectKind.Done } => Answered(Completed(done.Output)),
        _ => Answered(Rejected(done.Reason ?? "")),
    };

    private static EffectDecision Undo(EffectKeys keys, KnownRows rows, SagaCall call, IEffect effect)
    {
        if (keys.Find(rows, keys.Undo) is { } undone)
            return Answered(Completed(undone.Output));
        var digest = EffectRecord.DigestOf(call.Input);
        if (keys.Find(rows, keys.Do) is not { Kind: EffectKind.Done } done)
        {
            // Absent: the record keeps a call that is still on its way from having an effect. Else it is there for good.
            var before = keys.Find(rows, keys.Do) is null ? keys.Rows.Absent(keys.Do) : keys.Rows.Exists(keys.Do);
            return new EffectDecision(
                Completed(default), [before, keys.Rows.Absent(keys.Undo)], [keys.Rows.Put(keys.Undo, new EffectRecord(EffectKind.Nothing, digest, default, Reason: null))]);
        }

        if (done.Input != digest)
            return Bug($"step {call.Step} of saga {call.Saga} was carried out with another input");
        return effect.Undo(rows, done.Output) switch
        {
            EffectPlan.Carry plan => new EffectDecision(
                Completed(plan.Output),
                [keys.Rows.Exists(keys.Do), keys.Rows.Absent(keys.Undo), .. plan.Checks],
                [.. plan.Writes, keys.Rows.Put(keys.Undo, new EffectRecord(EffectKind.Undone, digest, plan.Output, Reason: null))]),
            EffectPlan.Broken plan => Bug(plan.Reason),
            var plan => throw new InvalidOperationException($"an inverse of type {plan.GetType().Name}"),
        };
    }

    private static TransactCheck[] Untouched(EffectKeys keys) => [keys.Rows.Absent(keys.Do), keys.Rows.Absent(keys.Undo)];

    private static EffectDecision Answered(SagaCallResult answer) => new(answer, [], []);

    private static EffectDecision Bug(string reason) => Answered(new SagaCallResult(SagaCallStatus.Bug, default, reason));

    private static SagaCallResult Completed(JsonElement output) => new(SagaCallStatus.Completed, output, "");

    private static SagaCallResult Rejected(string reason) => new(SagaCallStatus.Rejected, default, reason);
}
