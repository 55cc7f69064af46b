using System.Text.Json;
using GrainDb.Engine.Sagas;
using GrainDb.Grains.Sagas.Participants;
using GrainDb.Interfaces.Orders;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Grains.Orders;

/// <summary>The lines of an order out of stock, and back.</summary>
internal sealed class Reservation : IEffect
{
    private readonly string? _problem;

    /// <summary>By article: two lines of one article are one taking.</summary>
    private readonly IReadOnlyList<(string Sku, long Quantity)> _takings;

    public Reservation(IReadOnlyList<OrderLine?>? lines)
    {
        _problem = OrderLine.WhyNot(lines);
        _takings = _problem is null
            ? [.. lines!.GroupBy(line => line!.Sku!, StringComparer.Ordinal).Select(line => (line.Key, line.Sum(part => part!.Quantity))).OrderBy(line => line.Key, StringComparer.Ordinal)]
            : [];
        Needed = [.. _takings.Select(taking => InventoryService.PriceKey(taking.Sku))];
        Rows = [.. Needed, .. _takings.Select(taking => InventoryService.StockKey(taking.Sku))];
    }

    public IReadOnlyList<string> Needed { get; }

    public IReadOnlyList<string> Rows { get; }

    public EffectPlan Do(KnownRows rows)
    {
        if (_problem is not null)
            return new EffectPlan.Reject([], _problem);
        var checks = new List<TransactCheck>();
        var writes = new List<TransactWrite>();
        var lines = new List<ReservedLine>();
        Int128 sum = 0;
        foreach (var (sku, quantity) in _takings)
        {
            var (stock, price) = (InventoryService.StockKey(sku), InventoryService.PriceKey(sku));
            var seen = InventoryService.Rows.Unchanged(price, rows.Find(price));
            if (rows.Find(price) is null)
                return new EffectPlan.Reject([seen], $"there is no article '{sku}'");
            if (rows.Integer(price) is not { } hundredths || (rows.IsKnown(stock) && rows.Integer(stock) is null))
                return new EffectPlan.Broken($"the rows of article '{sku}' in {InventoryService.Rows.Name} are no integers");
            if (rows.IsKnown(stock) && rows.Integer(stock) < quantity)
                return new EffectPlan.Reject([InventoryService.Rows.AtMost(stock, quantity - 1)], $"article '{sku}' is out of stock: {rows.Integer(stock)} available, {quantity} asked for");
            checks.Add(seen);
            checks.Add(InventoryService.Rows.AtLeast(stock, quantity));
            writes.Add(InventoryService.Rows.Add(stock, -quantity));
            lines.Add(new ReservedLine(sku, quantity, new Money(hundredths).ToString()));
            sum += (Int128)hundredths * quantity;
        }

        return sum > Money.MaxHundredths
            ? new EffectPlan.Reject(checks, $"the order costs more than {new Money(Money.MaxHundredths)}")
            : new EffectPlan.Carry(checks, writes, JsonSerializer.SerializeToElement(new Reserved(new Money((long)sum).ToString(), lines), SagaJson.Options));
    }

    public EffectPlan Undo(KnownRows rows, JsonElement output) =>
        new EffectPlan.Carry([], [.. _takings.Select(taking => InventoryService.Rows.Add(InventoryService.StockKey(taking.Sku), taking.Quantity))], default);

    private sealed record ReservedLine(string Sku, long Quantity, string Price);

    private sealed record Reserved(string Amount, IReadOnlyList<ReservedLine> Lines);
}
