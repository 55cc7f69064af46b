using GrainDb.Grains.Meta;
using GrainDb.Grains.Sagas;
using GrainDb.Grains.Sagas.Participants;

namespace GrainDb.Grains.Orders;

/// <summary>
/// Stock and prices. <c>reserve</c> takes the lines of an order out of stock, all or nothing, and says what they cost at the prices of that moment; <c>release</c> puts them back.
/// </summary>
internal sealed class InventoryService(Participant participant) : OrderService<ReserveInput>(participant, ServiceName, Rows, Reserve, Release)
{
    public const string ServiceName = "inventory";
    public const string Reserve = "reserve";
    public const string Release = "release";

    public static KeyspaceRows Rows { get; } = new(SystemKeyspaces.Inventory);

    /// <summary>Row of the pieces in stock: an integer that increments keep.</summary>
    public static string StockKey(string sku) => $"stock/{sku}";

    /// <summary>Row of the price of a piece, in hundredths: an integer.</summary>
    public static string PriceKey(string sku) => $"price/{sku}";

    protected override IEffect EffectOf(SagaCall call, ReserveInput input) => new Reservation(input.Lines);
}
