using System.Text.Json;
using GrainDb.Engine.Sagas;
using GrainDb.Grains.Sagas.Participants;
using GrainDb.Interfaces.Orders;

namespace GrainDb.Grains.Orders;

/// <summary>The shipment of an order, created and cancelled. An order has one at most; a cancelled one stays as a row, so that it can be seen.</summary>
internal sealed class OrderShipment : IEffect
{
    private readonly string _order;
    private readonly string _shipment;
    private readonly string? _customer;
    private readonly long _pieces;
    private readonly string? _problem;

    public OrderShipment(ShipInput input)
    {
        _order = input.Order ?? "";
        _shipment = ShippingService.ShipmentKey(_order);
        _customer = input.Customer;
        _pieces = input.Lines?.Sum(line => Math.Clamp(line?.Quantity ?? 0, 0, OrderLimits.MaxQuantity)) ?? 0;
        _problem = !SagaDefinition.IsName(input.Order, OrderLimits.MaxNameLength) ? $"an order has a name, 1 to {OrderLimits.MaxNameLength} of A-Z a-z 0-9 . _ -; this is '{input.Order}'"
            : OrderLine.WhyNot(input.Lines)
            ?? (_pieces > OrderLimits.MaxPiecesPerShipment ? $"the carrier takes {OrderLimits.MaxPiecesPerShipment} pieces in one shipment at most; the order has {_pieces}" : null);
        Rows = _problem is null ? [_shipment] : [];
    }

    public IReadOnlyList<string> Needed => [];

    public IReadOnlyList<string> Rows { get; }

    public EffectPlan Do(KnownRows rows)
    {
        if (_problem is not null)
            return new EffectPlan.Reject([], _problem);
        if (rows.Find(_shipment) is not null)
            return new EffectPlan.Reject([ShippingService.Rows.Exists(_shipment)], $"order '{_order}' has a shipment already");
        return new EffectPlan.Carry([ShippingService.Rows.Absent(_shipment)], [ShippingService.Rows.Put(_shipment, Shipment(ShipmentRow.Created))], JsonSerializer.SerializeToElement(Shipment(ShipmentRow.Created), SagaJson.Options));
    }

    public EffectPlan Undo(KnownRows rows, JsonElement output) =>
        new EffectPlan.Carry([], [ShippingService.Rows.Put(_shipment, Shipment(ShipmentRow.Cancelled))], JsonSerializer.SerializeToElement(Shipment(ShipmentRow.Cancelled), SagaJson.Options));

    private ShipmentRow Shipment(string status) => new(_order, status, _customer, _pieces);
}

/// <summary>The row of a shipment. Names are in the database.</summary>
internal sealed record ShipmentRow(string Order, string Status, string? Customer, long Pieces)
{
    public const string Created = "created";
    public const string Cancelled = "cancelled";
}
