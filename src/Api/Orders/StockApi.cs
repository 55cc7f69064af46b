using System.Text.Json.Serialization.Metadata;
using GrainDb.Api.Idempotency;
using GrainDb.Api.Keys;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Orders;
using GrainDb.Interfaces.Transactions;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Orders;

/// <summary>What the services of the order workflow keep: articles, accounts and shipments, each read and set by itself.</summary>
internal sealed class StockApi(IOrderStore store, ApiOptions options)
{
    public const string NameParameter = "name";

    public ValueTask<Failure?> PutArticleAsync(HttpContext context) => PutAsync(
        context, "PUT /v1/inventory", ErrorCode.InvalidRequest, ApiJson.Default.ArticleBody, (body, sku) => body.Bind(sku), store.SetArticleAsync, ArticleView.Of, "/v1/inventory/");

    public ValueTask<Failure?> GetArticleAsync(HttpContext context) => GetAsync(context, ErrorCode.ArticleNotFound, store.FindArticleAsync, ArticleView.Of);

    public ValueTask<Failure?> PutAccountAsync(HttpContext context) => PutAsync(
        context, "PUT /v1/payments/accounts", ErrorCode.InvalidRequest, ApiJson.Default.AccountBody, (body, id) => body.Bind(id), store.SetAccountAsync, AccountView.Of, "/v1/payments/accounts/");

    public ValueTask<Failure?> GetAccountAsync(HttpContext context) => GetAsync(context, ErrorCode.AccountNotFound, store.FindAccountAsync, AccountView.Of);

    public ValueTask<Failure?> GetShipmentAsync(HttpContext context) => GetAsync(context, ErrorCode.ShipmentNotFound, store.FindShipmentAsync, ShipmentView.Of);

    private async ValueTask<Failure?> PutAsync<TBody, T, TView>(
        HttpContext context,
        string operation,
        ErrorCode unnamed,
        JsonTypeInfo<TBody> type,
        Func<TBody, string, T> bind,
        Func<T, IdempotencyStamp?, TimeSpan, CancellationToken, Task<OrderAnswer<T>>> set,
        Func<T, TView> view,
        string root)
        where TBody : class
        where T : class
    {
        QueryParameters.Read(context);
        var timeout = KeyRequest.ReadTimeout(context.Request.Headers);
        var key = IdempotencyKey.Read(context.Request.Headers);
        if (ReadName(context, unnamed, out var name) is { } refused)
            return refused;
        var bytes = await JsonBody.ReadBytesAsync(context, options.MaxRequestBytes);
        var item = bind(JsonBody.Parse(bytes, type), name);
        var answer = await set(item, RequestHash.Stamp(key, operation, name, bytes), timeout, context.RequestAborted);
        if (answer.Failure is not null)
            return answer.Failure;
        IdempotencyKey.SetReplay(context.Response.Headers, answer.IsRepeated);
        context.Response.StatusCode = answer.IsNew ? StatusCodes.Status201Created : StatusCodes.Status200OK;
        if (answer.IsNew)
            context.Response.Headers.Location = root + name;
        await context.Response.WriteAsJsonAsync(view(answer.Item!), context.RequestAborted);
        return null;
    }

    private static async ValueTask<Failure?> GetAsync<T, TView>(
        HttpContext context, ErrorCode absent, Func<string, TimeSpan, CancellationToken, Task<OrderAnswer<T>>> find, Func<T, TView> view)
        where T : class
    {
        QueryParameters.Read(context);
        IdempotencyKey.Refuse(context.Request.Headers, "a read changes nothing.");
        if (ReadName(context, absent, out var name) is { } refused)
            return refused;
        var answer = await find(name, KeyRequest.ReadTimeout(context.Request.Headers), context.RequestAborted);
        if (answer.Failure is not null)
            return answer.Failure;
        await context.Response.WriteAsJsonAsync(view(answer.Item!), context.RequestAborted);
        return null;
    }

    /// <summary>A name that none can have is not looked for.</summary>
    private static Failure? ReadName(HttpContext context, ErrorCode otherwise, out string name)
    {
        name = (string?)context.Request.RouteValues[NameParameter] ?? "";
        return OrderBinder.IsName(name)
            ? null
            : Failure.NotApplied(otherwise, $"'{QueryParameters.Shorten(name)}' is no name: 1 to {OrderLimits.MaxNameLength} of A-Z a-z 0-9 . _ -.");
    }
}
