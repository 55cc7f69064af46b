using System.ComponentModel;
using System.Text.Json;
using GrainDb.Api.Errors;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Orders;

namespace GrainDb.Api.Orders;

/// <summary>The body of <c>PUT /v1/inventory/{sku}</c>.</summary>
public sealed record ArticleBody
{
    [Description("Pieces in stock, 0 to 1000000000000. Replaces what is there.")]
    public long? Available { get; init; }

    [Description("Price of a piece: a decimal number with at most two places, as a string (9.90 as a number is taken too).")]
    public JsonElement Price { get; init; }

    /// <summary>The checked article.</summary>
    internal Article Bind(string sku)
    {
        if (Available is not (>= 0 and <= OrderLimits.MaxAvailable))
            throw BadInput.Request($"The JSON body is wrong at $.available: it is {Available?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "missing"}; it must be a whole number from 0 to {OrderLimits.MaxAvailable}.");
        return new Article(sku, Available.Value, MoneyBinder.Bind("price", Price));
    }
}

/// <summary>The body of <c>PUT /v1/payments/accounts/{id}</c>.</summary>
public sealed record AccountBody
{
    [Description("What is on it: a decimal number with at most two places, as a string (100 as a number is taken too). Replaces what is there.")]
    public JsonElement Balance { get; init; }

    /// <summary>The checked account.</summary>
    internal Account Bind(string id) => new(id, MoneyBinder.Bind("balance", Balance));
}

/// <summary>Amounts in bodies.</summary>
internal static class MoneyBinder
{
    public static Money Bind(string member, JsonElement value)
    {
        var text = value.ValueKind switch
        {
            JsonValueKind.String => value.GetString(),
            JsonValueKind.Number => value.GetRawText(),
            _ => null,
        };
        return Money.TryParse(text, out var money)
            ? money
            : throw BadInput.Request($"The JSON body is wrong at $.{member}: it is {(text is null ? "missing, or neither a string nor a number" : $"'{QueryParameters.Shorten(text)}'")}; it must be {Money.Syntax}.");
    }
}
