using System.Text.Json;
using GrainDb.Engine.Sagas;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Sagas;
using GrainDb.Grains.Sagas.Participants;

namespace GrainDb.Grains.Orders;

/// <summary>
/// Stock and prices. <c>reserve</c> takes the lines of an order out of stock, all or nothing, and says what they cost at the prices of that moment; <c>release</c> puts them back.
/// </summary>
internal sealed class InventoryService(Participant participant) : ISagaService
{
    public const string ServiceName = "inventory";
    public const string Reserve = "reserve";
    public const string Release = "release";

    public static KeyspaceRows Rows { get; } = new(SystemKeyspaces.Inventory);

    public string Name => ServiceName;

    public IReadOnlyDictionary<string, string?> Actions { get; } = new Dictionary<string, string?> { [Reserve] = Release };

    /// <summary>Row of the pieces in stock: an integer that increments keep.</summary>
    public static string StockKey(string sku) => $"stock/{sku}";

    /// <summary>Row of the price of a piece, in hundredths: an integer.</summary>
    public static string PriceKey(string sku) => $"price/{sku}";

    public Task<SagaCallResult> CallAsync(SagaCall call, CancellationToken cancellationToken) =>
        OrderInput.Read<ReserveInput>(call.Input, out var problem) is { } input
            ? participant.CallAsync(Rows, call, new Reservation(input.Lines), cancellationToken)
            : Task.FromResult(new SagaCallResult(SagaCallStatus.Bug, default, problem));

    public Task<string?> SettleAsync(SagaCall call, bool isDone, JsonElement output, CancellationToken cancellationToken) =>
        participant.SettleAsync(Rows, call, isDone, output, cancellationToken);
}
