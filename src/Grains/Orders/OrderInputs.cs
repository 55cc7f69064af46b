using System.Text.Json;
using GrainDb.Engine.Sagas;
using GrainDb.Interfaces.Orders;

namespace GrainDb.Grains.Orders;

/// <summary>One line of an order, as the steps are given it.</summary>
internal sealed record OrderLine(string? Sku, long Quantity)
{
    /// <summary>What is wrong with lines; null when nothing is.</summary>
    public static string? WhyNot(IReadOnlyList<OrderLine?>? lines)
    {
        if (lines is null || lines.Count is 0 or > OrderLimits.MaxLines)
            return $"an order has 1 to {OrderLimits.MaxLines} lines";
        return lines.FirstOrDefault(line => line is null || !SagaDefinition.IsName(line.Sku, OrderLimits.MaxNameLength) || line.Quantity is < 1 or > OrderLimits.MaxQuantity) is { } wrong
            ? $"a line has an article, 1 to {OrderLimits.MaxNameLength} of A-Z a-z 0-9 . _ -, and a quantity, 1 to {OrderLimits.MaxQuantity}; one has '{wrong.Sku}' and {wrong.Quantity}"
            : lines.Any(line => line is null) ? "a line is null" : null;
    }
}

/// <summary>Input of <c>inventory.reserve</c>.</summary>
internal sealed record ReserveInput(IReadOnlyList<OrderLine?>? Lines);

/// <summary>Input of <c>payment.charge</c>.</summary>
internal sealed record ChargeInput(string? Account, string? Amount);

/// <summary>Input of <c>shipping.create</c>.</summary>
internal sealed record ShipInput(string? Order, string? Customer, IReadOnlyList<OrderLine?>? Lines);

/// <summary>Reads the input of a step.</summary>
internal static class OrderInput
{
    /// <returns>Null when it is none: then <paramref name="problem"/> says why.</returns>
    public static T? Read<T>(JsonElement input, out string problem)
        where T : class
    {
        problem = "";
        try
        {
            if (input.ValueKind == JsonValueKind.Object && input.Deserialize<T>(SagaJson.Options) is { } read)
                return read;
            problem = $"the input is {input.ValueKind}; it must be an object";
        }
        catch (JsonException exception)
        {
            problem = $"the input cannot be read: {exception.Message}";
        }

        return null;
    }
}
