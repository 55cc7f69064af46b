using System.Text;
using System.Text.Json;
using GrainDb.Engine.Sagas;
using GrainDb.Grains.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Grains.Sagas.Participants;

/// <summary>
/// Makes exactly one effect of the calls of a step, however often they come, however late, and in whatever order. In rounds: (1) what the plan needs is read; (2) the rules decide
/// (<see cref="EffectDecision"/>); (3) one transaction checks everything on which the decision rests and writes business rows and effect record together; (4) where a check did not hold, the same
/// transaction says what is there, and the rules decide again. The first round of a way forward reads no row that others write: it hopes, and its checks tell. So those who meet at one row follow each
/// other in the leader's log instead of making each other try again. Rows that seldom change are taken to be as this node saw them last.
/// <para>
/// After a crash between any two of these the same call does the same again: until the transaction is committed nothing has happened, and after it the effect record answers. A commit whose answer
/// was lost is found by its effect record.
/// </para>
/// </summary>
internal sealed class Participant(SystemTransactions transactions, TimeProvider time)
{
    private readonly SeldomChangedRows _seen = new();

    internal ParticipantFaults Faults { get; init; }

    /// <summary>Rounds in which checks may fail without anything being wrong with the cluster. Each but the first lost a race.</summary>
    public const int MaxRounds = 64;

    /// <summary>Steps whose records are taken away in one transaction.</summary>
    public const int MaxForgottenAtOnce = 100;

    private static readonly TimeSpan ForgetTimeout = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(500);

    /// <summary>Carries out a call.</summary>
    /// <param name="keyspace">The service's.</param>
    /// <param name="call">The call.</param>
    /// <param name="effect">What it is to the service.</param>
    /// <param name="cancellationToken">The caller gave up: a commit that is under way goes on.</param>
    public Task<SagaCallResult> CallAsync(KeyspaceRows keyspace, SagaCall call, IEffect effect, CancellationToken cancellationToken)
    {
        var keys = new EffectKeys(keyspace, call.Saga, call.Step);
        string[] all = [keys.Do, keys.Undo, .. effect.Rows];
        return RunAsync(keyspace, call, hopes: !call.IsUndo, call.IsUndo ? all : effect.Needed, all, rows => EffectDecision.Of(keys, rows, call, effect), cancellationToken);
    }

    /// <summary>Writes down what a person said of a step.</summary>
    /// <returns>Why not; null when it is durable.</returns>
    public async Task<string?> SettleAsync(KeyspaceRows keyspace, SagaCall call, bool isDone, JsonElement output, CancellationToken cancellationToken)
    {
        var keys = new EffectKeys(keyspace, call.Saga, call.Step);
        var result = await DecideAsync(keys, call, rows => EffectDecision.Settle(keys, rows, call, isDone, output), cancellationToken);
        return result.Status == SagaCallStatus.Completed ? null : result.Reason;
    }

    /// <summary>
    /// Takes the effect records of steps away whose saga has ended for so long that no call of them can come any more. A record that was written after <paramref name="cutoff"/> stays: it belongs to a saga
    /// that was started anew under the id.
    /// </summary>
    /// <param name="keyspace">The service's.</param>
    /// <param name="steps">At most <see cref="MaxForgottenAtOnce"/>.</param>
    /// <param name="cutoff">When the first of their sagas could be forgotten.</param>
    /// <param name="cancellationToken">The caller gave up.</param>
    /// <returns>Why not; null when they are gone, durably.</returns>
    public async Task<Failure?> ForgetAsync(KeyspaceRows keyspace, IReadOnlyList<(string Saga, string Step)> steps, Timestamp cutoff, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(steps.Count, MaxForgottenAtOnce, nameof(steps));
        string[] keys = [.. steps.Select(step => new EffectKeys(keyspace, step.Saga, step.Step)).SelectMany(step => new[] { step.Do, step.Undo })];
        var read = await transactions.TransactAsync(new TransactRequest { Reads = [.. keys.Select(keyspace.Read)] }, ForgetTimeout, cancellationToken);
        if (read.Failure is not null)
            return read.Failure;
        var old = keys.Zip(read.Reads, (key, found) => (key, found.Item)).Where(row => row.Item is { } item && item.Version < cutoff).ToList();
        if (old.Count == 0)
            return null;
        var removed = await transactions.TransactAsync(
            new TransactRequest { Checks = [.. old.Select(row => keyspace.Unchanged(row.key, row.Item))], Writes = [.. old.Select(row => keyspace.Remove(row.key))] }, ForgetTimeout, cancellationToken);
        return removed.Failure ?? (removed.Committed ? null : Failure.NotApplied(ErrorCode.TransactionConflict, $"an effect record in {keyspace.Name} changed meanwhile"));
    }

    /// <summary>Decides by the effect records alone, and writes down what was decided.</summary>
    public Task<SagaCallResult> DecideAsync(EffectKeys keys, SagaCall call, Func<KnownRows, EffectDecision> decide, CancellationToken cancellationToken)
    {
        string[] all = [keys.Do, keys.Undo];
        return RunAsync(keys.Rows, call, hopes: false, all, all, decide, cancellationToken);
    }

    private async Task<SagaCallResult> RunAsync(
        KeyspaceRows keyspace, SagaCall call, bool hopes, IReadOnlyList<string> first, IReadOnlyList<string> all, Func<KnownRows, EffectDecision> decide, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var isUnknown = false;
        var pause = FirstPause;
        var rows = hopes ? _seen.Find(keyspace.Name, first) : null;
        var toRead = first;
        for (var round = 0; round < MaxRounds; round++)
        {
            EffectDecision? decision = null;
            if (rows is not null)
            {
                decision = Spoiled(Decide(decide, rows), call);
                if (decision.Writes.Count == 0)
                    return decision.Answer;
            }

            var left = call.Timeout - time.GetElapsedTime(started);
            if (left <= TimeSpan.Zero)
                return OutOfTime(isUnknown, $"{keyspace.Name} was not to be had in {call.Timeout}");
            var asked = decision is null ? toRead : all;
            var result = await transactions.TransactAsync(
                new TransactRequest { Checks = decision?.Checks ?? [], Reads = [.. asked.Select(keyspace.Read)], Writes = decision?.Writes ?? [] }, left, cancellationToken);
            if (result.Failure is not { } failure)
            {
                if (result.Committed && decision is not null)
                {
                    if (hopes && decision.Answer.Status == SagaCallStatus.Completed)
                        _seen.Remember(keyspace.Name, first, rows!);
                    return decision.Answer;
                }

                rows = KnownRows.Of(asked, result.Reads);
                continue;
            }

            isUnknown |= failure.Outcome != Outcome.NotApplied && decision is not null;
            if (IsBug(failure))
                return new SagaCallResult(isUnknown ? SagaCallStatus.Unknown : SagaCallStatus.Bug, default, failure.Detail);

            // What became of it is read from the records.
            rows = null;
            toRead = decision is null ? toRead : all;
            left = call.Timeout - time.GetElapsedTime(started);
            if (left <= pause)
                return OutOfTime(isUnknown, failure.Detail);
            await Task.Delay(pause, time, cancellationToken);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }

        return OutOfTime(isUnknown, $"others were first {MaxRounds} times");
    }

    private static EffectDecision Decide(Func<KnownRows, EffectDecision> decide, KnownRows rows)
    {
        try
        {
            return decide(rows);
        }
        catch (JsonException exception)
        {
            return new EffectDecision(new SagaCallResult(SagaCallStatus.Bug, default, exception.Message), [], []);
        }
    }

    private EffectDecision Spoiled(EffectDecision decision, SagaCall call)
    {
        if (Faults == ParticipantFaults.None)
            return decision;
        var records = new EffectKeys(new KeyspaceRows(""), call.Saga, call.Step);
        if (Faults.HasFlag(ParticipantFaults.NoRecord))
            decision = decision with { Writes = [.. decision.Writes.Where(write => !IsAt(write.Write.Key, records.Do) && !IsAt(write.Write.Key, records.Undo))] };
        if (Faults.HasFlag(ParticipantFaults.ActAfterUndo) && !call.IsUndo)
            decision = decision with { Checks = [.. decision.Checks.Where(check => !IsAt(check.Key, records.Undo))] };
        return decision;

        static bool IsAt(ReadOnlyMemory<byte> key, string text) => key.Span.SequenceEqual(Encoding.ASCII.GetBytes(text));
    }

    private static SagaCallResult OutOfTime(bool isUnknown, string reason) => new(isUnknown ? SagaCallStatus.Unknown : SagaCallStatus.Transient, default, reason);

    /// <summary>The same transaction would be refused again.</summary>
    private static bool IsBug(Failure failure) => failure is
    {
        Outcome: Outcome.NotApplied,
        Code: ErrorCode.InvalidRequest or ErrorCode.InvalidKey or ErrorCode.KeyTooLarge or ErrorCode.ValueTooLarge or ErrorCode.TransactionTooLarge
            or ErrorCode.Forbidden or ErrorCode.NotAnInteger or ErrorCode.UnsupportedForFamily,
    };
}
