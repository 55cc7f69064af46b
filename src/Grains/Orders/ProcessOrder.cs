using System.Text.Json;
using GrainDb.Engine.Sagas;

namespace GrainDb.Grains.Orders;

/// <summary>The built-in definition <c>process_order</c>. Its saga's id is the order's. A change of it is a new version, on which the API then begins orders.</summary>
internal static class ProcessOrder
{
    public const string DefinitionName = "process_order";
    public const string ReserveInventory = "reserve_inventory";
    public const string ChargePayment = "charge_payment";
    public const string CreateShipment = "create_shipment";

    private static readonly TimeSpan StepTimeout = TimeSpan.FromSeconds(10);

    public static SagaDefinition Definition { get; } = new(
        DefinitionName,
        Version: 1,
        [
            Step(ReserveInventory, InventoryService.ServiceName, InventoryService.Reserve, InventoryService.Release, SagaStepKind.Compensatable, """{"lines":"$.input.lines"}"""),
            Step(
                ChargePayment, PaymentService.ServiceName, PaymentService.Charge, PaymentService.Refund, SagaStepKind.Compensatable,
                """{"account":"$.input.payment.account","amount":"$.steps.reserve_inventory.amount"}"""),
            Step(
                CreateShipment, ShippingService.ServiceName, ShippingService.Create, ShippingService.Cancel, SagaStepKind.Pivot,
                """{"order":"$.id","customer":"$.input.customer","lines":"$.input.lines"}"""),
        ],
        Deadline: null);

    private static SagaStep Step(string name, string service, string action, string compensation, SagaStepKind kind, string input) =>
        new(name, service, action, compensation, kind, Group: null, StepTimeout, SagaRetry.Default, WaitFor: null, JsonSerializer.Deserialize<JsonElement>(input));
}
