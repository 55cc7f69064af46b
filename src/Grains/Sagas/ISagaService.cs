using System.Text.Json;
using GrainDb.Engine.Sagas;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Grains.Sagas;

/// <summary>One call of a service for a step of a saga. Everything but the attempt is the same over all attempts, nodes and restarts.</summary>
/// <param name="Saga">The saga.</param>
/// <param name="Step">The step; with the saga's id it names the effect, <c>{saga}/{step}</c>.</param>
/// <param name="Action">What the service is asked to do: the step's action, or its compensation.</param>
/// <param name="IsUndo">Whether it is the compensation.</param>
/// <param name="Input">The step's input; of a compensation too.</param>
/// <param name="Attempt">1, 2, …; for logs.</param>
/// <param name="Timeout">How long the attempt may take.</param>
internal sealed record SagaCall(string Saga, string Step, string Action, bool IsUndo, JsonElement Input, int Attempt, TimeSpan Timeout);

/// <summary>
/// Who carries out steps. Calls may be repeated, come late, and overtake each other; a service makes one effect of them by the participant protocol of docs/protocols/sagas.md.
/// What goes wrong is a result, nothing is thrown but for cancellation.
/// </summary>
internal interface ISagaService
{
    /// <summary>Its name in definitions.</summary>
    string Name { get; }

    /// <summary>What it can be asked to do, with the action that undoes it (null: nothing does). A definition that asks for something else is refused.</summary>
    IReadOnlyDictionary<string, string?> Actions { get; }

    /// <summary>Carries out an action.</summary>
    Task<SagaCallResult> CallAsync(SagaCall call, CancellationToken cancellationToken);

    /// <summary>
    /// Settles a step as a person said: a call of it that comes later has no effect. <paramref name="isDone"/>: it counts as done with this output; else as undone. What was there before stays as it is.
    /// Returns why not; null when it is settled, durably.
    /// </summary>
    Task<string?> SettleAsync(SagaCall call, bool isDone, JsonElement output, CancellationToken cancellationToken);

    /// <summary>
    /// Takes away what was kept to recognize calls of steps, at most <see cref="Participants.Participant.MaxForgottenAtOnce"/>: their sagas ended longer ago than the retention, so no call can come any more. What was
    /// written after <paramref name="cutoff"/> stays. Returns why not; null when it is gone, durably.
    /// </summary>
    Task<Failure?> ForgetAsync(IReadOnlyList<(string Saga, string Step)> steps, Timestamp cutoff, CancellationToken cancellationToken);
}
