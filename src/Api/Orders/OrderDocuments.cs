using System.ComponentModel;
using System.Text.Json;
using System.Text.Json.Serialization;
using GrainDb.Api.Requests;
using GrainDb.Api.Sagas;
using GrainDb.Interfaces.Orders;
using GrainDb.Interfaces.Sagas;

namespace GrainDb.Api.Orders;

/// <summary>An article.</summary>
public sealed record ArticleView(string Sku, long Available, [property: Description("Price of a piece, with two decimal places.")] string Price)
{
    internal static ArticleView Of(Article article) => new(article.Sku, article.Available, article.Price.ToString());
}

/// <summary>An account.</summary>
public sealed record AccountView(string Id, [property: Description("What is on it, with two decimal places.")] string Balance)
{
    internal static AccountView Of(Account account) => new(account.Id, account.Balance.ToString());
}

/// <summary>A shipment.</summary>
public sealed record ShipmentView(string OrderId, [property: Description("created or cancelled.")] string Status)
{
    internal static ShipmentView Of(Shipment shipment) => new(shipment.Order, shipment.Status);
}

/// <summary>An order in a list.</summary>
public sealed record OrderItem(
    string Id,
    [property: Description(OrderStatus.Description)] string Status,
    [property: Description("The step at which it is; absent before the first and at the end."), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Step,
    [property: Description("Why it stands where it stands; absent when there is nothing to say."), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Reason,
    string StartedAt,
    string UpdatedAt)
{
    internal static OrderItem Of(SagaSummary saga) =>
        new(saga.Id, OrderStatus.Of(saga.Status), saga.Step, saga.Reason, Rfc3339.Format(saga.StartedAt), Rfc3339.Format(saga.UpdatedAt));
}

/// <summary>A page of orders.</summary>
public sealed record OrderPage(
    IReadOnlyList<OrderItem> Items,
    [property: Description("Where the next page begins; absent when this is the last."), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Cursor);

/// <summary>An order.</summary>
public sealed record OrderView(
    string Id,
    [property: Description(OrderStatus.Description)] string Status,
    [property: Description("What it costs, with two decimal places; absent until its articles are reserved."), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Amount,
    [property: Description("Who ordered, as placed."), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Customer,
    [property: Description("What was ordered, as placed."), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<OrderLineBody>? Lines,
    [property: Description("How it is paid, as placed."), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] OrderPaymentBody? Payment,
    [property: Description("The saga that carries it out, as GET /v1/sagas/{id} has it.")] SagaDocument Saga)
{
    internal static OrderView Of(SagaView saga)
    {
        var input = ReadInput(saga);
        return new OrderView(
            saga.Summary.Id,
            OrderStatus.Of(saga.Summary.Status),
            AmountOf(saga),
            input?.Customer,
            input?.Lines?.Select(line => new OrderLineBody { Sku = line.Sku, Quantity = line.Quantity }).ToList(),
            input?.Payment is { } payment ? new OrderPaymentBody { Account = payment.Account } : null,
            SagaDocument.Of(saga));
    }

    /// <summary>One that was started by <c>POST /v1/sagas</c> may have any input; it was refused by its first step then.</summary>
    private static OrderInput? ReadInput(SagaView saga)
    {
        try
        {
            return JsonSerializer.Deserialize(saga.Input.Span, OrderJson.Default.OrderInput);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string? AmountOf(SagaView saga)
    {
        if (saga.Steps.FirstOrDefault(step => step.Name == OrdersApi.ReservingStep) is not { Output.Length: > 0 } reserving)
            return null;
        using var output = JsonDocument.Parse(reserving.Output);
        return output.RootElement.ValueKind == JsonValueKind.Object && output.RootElement.TryGetProperty("amount", out var amount) ? amount.GetString() : null;
    }
}

/// <summary>How far an order is, out of how far its saga is.</summary>
internal static class OrderStatus
{
    public const string Description = "pending: under way; compensating: being undone; stuck: it needs an operator; completed, compensated, closedManually: for good.";

    /// <summary>An order has one word for what a saga tells apart.</summary>
    private static readonly Dictionary<string, string[]> Sagas = new(StringComparer.Ordinal)
    {
        ["pending"] = ["pending", "running", "waiting"],
        ["compensating"] = ["compensating"],
        ["stuck"] = ["stuckForward", "stuckBackward"],
        ["completed"] = ["completed"],
        ["compensated"] = ["compensated"],
        ["closedManually"] = ["closedManually"],
    };

    public static string Of(string saga) => Sagas.First(status => status.Value.Contains(saga)).Key;

    /// <summary>The statuses of sagas that a status of orders stands for; null for no such status.</summary>
    public static IReadOnlyList<string>? Find(string status) => Sagas.GetValueOrDefault(status);

    public static string Names => string.Join(", ", Sagas.Keys);
}
