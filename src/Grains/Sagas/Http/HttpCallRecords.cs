using System.Text.Json;
using GrainDb.Engine.Sagas;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Sagas.Participants;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Grains.Sagas.Http;

/// <summary>
/// Effect records of steps whose effect lies elsewhere, in <c>system.calls</c>: what a person said of a step, and that its undo was begun. They are read before a call leaves, so whatever comes after
/// such a record stays here. A call that left before it is the service's to refuse, by its idempotency key.
/// </summary>
internal sealed class HttpCallRecords(Participant participant)
{
    private static readonly KeyspaceRows Rows = new(SystemKeyspaces.Calls);

    /// <summary>To be asked before a call.</summary>
    /// <returns>What it comes to; null when it may be made.</returns>
    public async Task<SagaCallResult?> BeginAsync(SagaCall call, CancellationToken cancellationToken)
    {
        var keys = new EffectKeys(Rows, call.Saga, call.Step);
        var mayCall = new SagaCallResult(SagaCallStatus.Completed, default, "");
        var result = await participant.DecideAsync(keys, call, rows => EffectDecision.Elsewhere(keys, rows, call, mayCall), cancellationToken);
        return ReferenceEquals(result, mayCall) ? null : result;
    }

    /// <summary>Writes down what a person said.</summary>
    public Task<string?> SettleAsync(SagaCall call, bool isDone, JsonElement output, CancellationToken cancellationToken) =>
        participant.SettleAsync(Rows, call, isDone, output, cancellationToken);

    /// <summary>Takes the records of steps away of which no call can come any more.</summary>
    public Task<Failure?> ForgetAsync(IReadOnlyList<(string Saga, string Step)> steps, Timestamp cutoff, CancellationToken cancellationToken) =>
        participant.ForgetAsync(Rows, steps, cutoff, cancellationToken);
}
