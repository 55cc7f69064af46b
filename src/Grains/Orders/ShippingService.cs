using System.Text.Json;
using GrainDb.Engine.Sagas;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Sagas;
using GrainDb.Grains.Sagas.Participants;

namespace GrainDb.Grains.Orders;

/// <summary>Shipments. <c>create</c> makes that of an order, if the carrier takes it; <c>cancel</c> cancels it.</summary>
internal sealed class ShippingService(Participant participant) : ISagaService
{
    public const string ServiceName = "shipping";
    public const string Create = "create";
    public const string Cancel = "cancel";

    public static KeyspaceRows Rows { get; } = new(SystemKeyspaces.Shipments);

    public string Name => ServiceName;

    public IReadOnlyDictionary<string, string?> Actions { get; } = new Dictionary<string, string?> { [Create] = Cancel };

    /// <summary>Row of the shipment of an order.</summary>
    public static string ShipmentKey(string order) => $"shipment/{order}";

    public Task<SagaCallResult> CallAsync(SagaCall call, CancellationToken cancellationToken) =>
        OrderInput.Read<ShipInput>(call.Input, out var problem) is { } input
            ? participant.CallAsync(Rows, call, new OrderShipment(input), cancellationToken)
            : Task.FromResult(new SagaCallResult(SagaCallStatus.Bug, default, problem));

    public Task<string?> SettleAsync(SagaCall call, bool isDone, JsonElement output, CancellationToken cancellationToken) =>
        participant.SettleAsync(Rows, call, isDone, output, cancellationToken);
}
