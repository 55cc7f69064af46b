using GrainDb.Grains.Meta;
using GrainDb.Grains.Sagas;
using GrainDb.Grains.Sagas.Participants;

namespace GrainDb.Grains.Orders;

/// <summary>Shipments. <c>create</c> makes that of an order, if the carrier takes it; <c>cancel</c> cancels it.</summary>
internal sealed class ShippingService(Participant participant) : OrderService<ShipInput>(participant, ServiceName, Rows, Create, Cancel)
{
    public const string ServiceName = "shipping";
    public const string Create = "create";
    public const string Cancel = "cancel";

    public static KeyspaceRows Rows { get; } = new(SystemKeyspaces.Shipments);

    /// <summary>Row of the shipment of an order.</summary>
    public static string ShipmentKey(string order) => $"shipment/{order}";

    protected override IEffect EffectOf(SagaCall call, ShipInput input) => new OrderShipment(input);
}
