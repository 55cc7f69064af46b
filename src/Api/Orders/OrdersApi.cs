using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using GrainDb.Api.Errors;
using GrainDb.Api.Idempotency;
using GrainDb.Api.Keys;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Sagas;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Orders;

/// <summary>Orders: each is a saga of the built-in definition, under the order's id.</summary>
internal sealed class OrdersApi(ISagaStore sagas, ApiOptions options)
{
    /// <summary>The built-in definition, the version on which this program begins orders, and the step that knows what an order costs.</summary>
    public const string Definition = "process_order";
    public const int Version = 1;
    public const string ReservingStep = "reserve_inventory";

    public const string IdParameter = "id";
    public const string WaitParameter = "wait";
    public const string StatusParameter = "status";
    public const string LimitParameter = "limit";
    public const string CursorParameter = "cursor";

    /// <summary>Longest wait for an order's end.</summary>
    public static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(60);

    /// <summary>
    /// An order is one by its id. Where the client chose none but sent an <c>Idempotency-Key</c>, the id is made of that: a repetition then is the same order, and another order with that key is refused. Beside an id the key is not looked at.
    /// </summary>
    public async ValueTask<Failure?> PostAsync(HttpContext context)
    {
        QueryParameters.Read(context);
        var timeout = KeyRequest.ReadTimeout(context.Request.Headers);
        var key = IdempotencyKey.Read(context.Request.Headers);
        var body = await JsonBody.ReadAsync(context, ApiJson.Default.OrderBody, options.MaxRequestBytes);
        var input = OrderBinder.Bind(body);
        var id = body.Id is { } chosen ? OrderBinder.CheckId(chosen) : NewId(key);
        var start = new SagaStart(id, Definition, Version, JsonSerializer.SerializeToUtf8Bytes(input, OrderJson.Default.OrderInput)) { IsSameOnAnyVersion = true };
        var answer = await sagas.StartAsync(start, timeout, context.RequestAborted);
        if (answer.Failure is not null)
            return answer.Failure;
        IdempotencyKey.SetReplay(context.Response.Headers, answer.IsRepeated);
        context.Response.StatusCode = StatusCodes.Status202Accepted;
        context.Response.Headers.Location = $"/v1/orders/{id}";
        await context.Response.WriteAsJsonAsync(OrderView.Of(answer.Saga!), context.RequestAborted);
        return null;
    }

    public async ValueTask<Failure?> GetAsync(HttpContext context)
    {
        var query = QueryParameters.Read(context, WaitParameter);
        var id = (string?)context.Request.RouteValues[IdParameter] ?? "";
        var wait = ReadWait(query);
        var timeout = KeyRequest.ReadTimeout(context.Request.Headers);
        IdempotencyKey.Refuse(context.Request.Headers, "a read changes nothing.");
        if (!OrderBinder.IsName(id))
            return NotFound(id);
        var answer = await sagas.FindAsync(id, wait, timeout, context.RequestAborted);
        if (answer is { Failure.Code: ErrorCode.SagaNotFound } or { Saga.Summary.Definition: not Definition })
            return NotFound(id);
        if (answer.Failure is not null)
            return answer.Failure;
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.WriteAsJsonAsync(OrderView.Of(answer.Saga!), context.RequestAborted);
        return null;
    }

    public async ValueTask<Failure?> ListAsync(HttpContext context)
    {
        var query = QueryParameters.Read(context, StatusParameter, LimitParameter, CursorParameter);
        IReadOnlyList<string> statuses = [];
        if (query.Text(StatusParameter) is { } status)
            statuses = OrderStatus.Find(status) ?? throw BadInput.Request($"The query parameter '{StatusParameter}' is '{QueryParameters.Shorten(status)}'; it must be one of {OrderStatus.Names}.");
        var page = await sagas.ListAsync(
            new SagaQuery
            {
                Definition = Definition,
                Statuses = statuses,
                Limit = query.Integer(LimitParameter, KeyLimits.DefaultScanLimit, 1, SagaQuery.MaxLimit),
                Cursor = query.Text(CursorParameter),
            },
            KeyRequest.ReadTimeout(context.Request.Headers),
            context.RequestAborted);
        if (page.Failure is not null)
            return page.Failure;
        await context.Response.WriteAsJsonAsync(new OrderPage([.. page.Items.Select(OrderItem.Of)], page.Cursor), context.RequestAborted);
        return null;
    }

    private static TimeSpan ReadWait(QueryParameters query)
    {
        if (query.Text(WaitParameter) is not { } text)
            return TimeSpan.Zero;
        return Duration.TryParse(text, out var wait) && wait <= MaxWait
            ? wait
            : throw BadInput.Request($"The query parameter '{WaitParameter}' is '{QueryParameters.Shorten(text)}'; it must be {Duration.Syntax}, up to {Duration.Format(MaxWait)}.");
    }

    private static string NewId(string? idempotencyKey) => idempotencyKey is null
        ? $"order-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16))}"
        : $"order-{Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes($"POST /v1/orders {idempotencyKey}")).AsSpan(0, 16))}";

    private static Failure NotFound(string id) => Failure.NotApplied(ErrorCode.OrderNotFound, $"There is no order '{QueryParameters.Shorten(id)}'.");
}
