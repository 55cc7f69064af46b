using System.ComponentModel;
using GrainDb.Api.Errors;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Orders;

namespace GrainDb.Api.Orders;

/// <summary>The body of <c>POST /v1/orders</c>.</summary>
public sealed record OrderBody
{
    [Description("Its id, 1 to 128 of A-Z a-z 0-9 . _ -; without one it is given one. The same order again under its id is the same order.")]
    public string? Id { get; init; }

    [Description("Who orders, 1 to 256 characters.")]
    public string? Customer { get; init; }

    [Description("1 to 100 lines.")]
    public List<OrderLineBody?>? Lines { get; init; }

    public OrderPaymentBody? Payment { get; init; }
}

/// <summary>One line of an order.</summary>
public sealed record OrderLineBody
{
    [Description("The article, as in /v1/inventory/{sku}.")]
    public string? Sku { get; init; }

    [Description("Pieces, 1 to 1000000.")]
    public long? Quantity { get; init; }
}

/// <summary>How an order is paid.</summary>
public sealed record OrderPaymentBody
{
    [Description("The account, as in /v1/payments/accounts/{id}.")]
    public string? Account { get; init; }
}

/// <summary>From bodies to what the store takes; every refusal says where in the body.</summary>
internal static class OrderBinder
{
    private const string NameRule = "1 to 128 of A-Z a-z 0-9 . _ -";

    public static bool IsName(string? name) =>
        name is { Length: > 0 and <= OrderLimits.MaxNameLength } && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-');

    /// <summary>The order as the input of its saga: the same order is the same bytes, however the body was written.</summary>
    public static OrderInput Bind(OrderBody body)
    {
        if (body.Customer is not { Length: > 0 and <= OrderLimits.MaxCustomerLength })
            throw Wrong("customer", body.Customer, $"it must have 1 to {OrderLimits.MaxCustomerLength} characters");
        if (body.Lines is not { Count: > 0 and <= OrderLimits.MaxLines } lines)
            throw BadInput.Request($"The JSON body is wrong at $.lines: it has {body.Lines?.Count ?? 0} entries; it must have 1 to {OrderLimits.MaxLines}.");
        for (var i = 0; i < lines.Count; i++)
        {
            if (!IsName(lines[i]?.Sku))
                throw Wrong($"lines[{i}].sku", lines[i]?.Sku, $"it must be {NameRule}");
            if (lines[i]!.Quantity is not (>= 1 and <= OrderLimits.MaxQuantity))
                throw BadInput.Request($"The JSON body is wrong at $.lines[{i}].quantity: it is {(lines[i]!.Quantity?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "missing")}; it must be a whole number from 1 to {OrderLimits.MaxQuantity}.");
        }

        return IsName(body.Payment?.Account)
            ? new OrderInput(body.Customer, [.. lines.Select(line => new OrderInputLine(line!.Sku!, line.Quantity!.Value))], new OrderInputPayment(body.Payment!.Account!))
            : throw Wrong("payment.account", body.Payment?.Account, $"it must be {NameRule}");
    }

    /// <summary>An id that a client chose.</summary>
    public static string CheckId(string id) => IsName(id) ? id : throw Wrong("id", id, $"it must be {NameRule}");

    private static Interfaces.Errors.GrainDbException Wrong(string member, string? value, string rule) =>
        BadInput.Request($"The JSON body is wrong at $.{member}: it is {(value is null ? "missing" : $"'{QueryParameters.Shorten(value)}'")}; {rule}.");
}

/// <summary>The input of the saga of an order. Names are in the log of every order.</summary>
internal sealed record OrderInput(string Customer, IReadOnlyList<OrderInputLine> Lines, OrderInputPayment Payment);

internal sealed record OrderInputLine(string Sku, long Quantity);

internal sealed record OrderInputPayment(string Account);
