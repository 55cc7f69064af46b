using System.Text.Json.Serialization;
using GrainDb.Interfaces.Sagas;

namespace GrainDb.Api.Orders;

/// <summary>The saga of an order, in short; <c>GET /v1/sagas/{id}</c> has all of it.</summary>
public sealed record OrderSaga(
    string Id,
    string Definition,
    int Version,
    string Status,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Step,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Reason,
    IReadOnlyList<OrderSagaStep> Steps)
{
    internal static OrderSaga Of(SagaView saga) => new(
        saga.Summary.Id,
        saga.Summary.Definition,
        saga.Summary.Version,
        saga.Summary.Status,
        saga.Summary.Step,
        saga.Summary.Reason,
        [.. saga.Steps.Select(step => new OrderSagaStep(step.Name, step.Status, step.FailedAttempts, step.Reason))]);
}

/// <summary>One step of it.</summary>
public sealed record OrderSagaStep(string Name, string Status, int FailedAttempts, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Reason);
