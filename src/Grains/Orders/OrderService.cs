using System.Text.Json;
using GrainDb.Engine.Sagas;
using GrainDb.Grains.Sagas;
using GrainDb.Grains.Sagas.Participants;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Grains.Orders;

/// <summary>A service of the order workflow: one action and its inverse on rows of a keyspace of its own. Each says what its effect is; that it is one effect is the participant protocol's.</summary>
/// <typeparam name="TInput">Input of a step.</typeparam>
internal abstract class OrderService<TInput>(Participant participant, string name, KeyspaceRows rows, string action, string inverse) : ISagaService
    where TInput : class
{
    public string Name => name;

    public IReadOnlyDictionary<string, string?> Actions { get; } = new Dictionary<string, string?> { [action] = inverse };

    public Task<SagaCallResult> CallAsync(SagaCall call, CancellationToken cancellationToken) => OrderInput.Read<TInput>(call.Input, out var problem) is { } input
        ? participant.CallAsync(rows, call, EffectOf(call, input), cancellationToken)
        : Task.FromResult(new SagaCallResult(SagaCallStatus.Bug, default, problem));

    public Task<string?> SettleAsync(SagaCall call, bool isDone, JsonElement output, CancellationToken cancellationToken) =>
        participant.SettleAsync(rows, call, isDone, output, cancellationToken);

    public Task<Failure?> ForgetAsync(IReadOnlyList<(string Saga, string Step)> steps, Timestamp cutoff, CancellationToken cancellationToken) =>
        participant.ForgetAsync(rows, steps, cutoff, cancellationToken);

    protected abstract IEffect EffectOf(SagaCall call, TInput input);
}
