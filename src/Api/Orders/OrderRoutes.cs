using GrainDb.Api.Idempotency;
using GrainDb.Api.Keys;
using GrainDb.Api.OpenApi;
using GrainDb.Api.Requests;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.OpenApi;

namespace GrainDb.Api.Orders;

/// <summary>The routes of the order workflow, and what the OpenAPI document says of them.</summary>
internal static class OrderRoutes
{
    private const string NameRule = "1 to 128 of A-Z a-z 0-9 . _ -";

    private static readonly ErrorCode[] Calls = [ErrorCode.Overloaded, ErrorCode.Unavailable, ErrorCode.OutcomeUnknown];
    private static readonly ErrorCode[] Bodies = [ErrorCode.RequestTooLarge, ErrorCode.UnsupportedMediaType];

    public static void MapOrders(this IEndpointRouteBuilder routes, Operations operations, OrdersApi orders, StockApi stock)
    {
        routes.Map("POST", "/v1/orders", operations.Endpoint("order_post", orders.PostAsync)).Described().WithName("placeOrder")
            .WithSummary("Places an order: its articles are reserved, it is paid, and its shipment is created, or all of that is undone.")
            .WithJsonBody(typeof(OrderBody), required: true)
            .WithIdempotencyBesideId()
            .WithAnswer(StatusCodes.Status202Accepted, "Placed, durably; it is carried out from here on, whatever fails.", typeof(OrderView))
            .WithResponseHeader("Location", "The order.")
            .WithErrors([.. Calls, .. Bodies]);
        routes.Map("GET", "/v1/orders/{id}", operations.Endpoint("order_get", orders.GetAsync)).Described().WithName("getOrder")
            .WithSummary("An order with its saga.")
            .WithPath(OrdersApi.IdParameter, "The order.")
            .WithQuery(OrdersApi.WaitParameter, "Answer as soon as it has ended, at the latest after this time, up to 60s.")
            .WithAnswer(StatusCodes.Status200OK, "The order.", typeof(OrderView))
            .WithErrors([.. Calls, ErrorCode.OrderNotFound]);
        routes.Map("GET", "/v1/orders", operations.Endpoint("order_list", orders.ListAsync)).Described().WithName("listOrders")
            .WithSummary("Orders, under way and ended, in no order that means anything.")
            .WithQuery(OrdersApi.StatusParameter, "Only with this status: pending, compensating, stuck, completed, compensated or closedManually.")
            .WithQuery(OrdersApi.LimitParameter, "Most orders of the page, 1 to 1000; 100 by default.", JsonSchemaType.Integer)
            .WithQuery(OrdersApi.CursorParameter, "The previous page's cursor.")
            .WithAnswer(StatusCodes.Status200OK, "A page; it may hold fewer than asked for, and still not be the last.", typeof(OrderPage))
            .WithErrors(Calls);

        routes.MapItem(
            operations, "/v1/inventory/{name}", "Article", "inventory", "an article", ErrorCode.ArticleNotFound, stock.PutArticleAsync, stock.GetArticleAsync, typeof(ArticleBody), typeof(ArticleView));
        routes.MapItem(
            operations, "/v1/payments/accounts/{name}", "Account", "account", "an account", ErrorCode.AccountNotFound, stock.PutAccountAsync, stock.GetAccountAsync, typeof(AccountBody), typeof(AccountView));
        routes.Map("GET", "/v1/shipments/{name}", operations.Endpoint("shipment_get", stock.GetShipmentAsync)).Described().WithName("getShipment")
            .WithSummary("The shipment of an order.")
            .WithPath(StockApi.NameParameter, "The order.")
            .WithAnswer(StatusCodes.Status200OK, "The shipment.", typeof(ShipmentView))
            .WithErrors([.. Calls, ErrorCode.ShipmentNotFound]);
    }

    private static void MapItem(
        this IEndpointRouteBuilder routes, Operations operations, string path, string id, string metric, string what, ErrorCode absent, Operation put, Operation get, Type body, Type view)
    {
        routes.Map("PUT", path, operations.Endpoint($"{metric}_put", put)).Described().WithName($"put{id}")
            .WithSummary($"Makes {what}, or replaces what is there.")
            .WithPath(StockApi.NameParameter, $"Its name: {NameRule}.")
            .WithJsonBody(body, required: true)
            .WithIdempotency()
            .WithAnswer(StatusCodes.Status201Created, "Made.", view)
            .WithAnswer(StatusCodes.Status200OK, "Replaced.", view)
            .WithErrors([.. Calls, .. Bodies]);
        routes.Map("GET", path, operations.Endpoint($"{metric}_get", get)).Described().WithName($"get{id}")
            .WithSummary($"What is known of {what}; linearizable.")
            .WithPath(StockApi.NameParameter, "Its name.")
            .WithAnswer(StatusCodes.Status200OK, "It.", view)
            .WithErrors([.. Calls, absent]);
    }

    private static IEndpointConventionBuilder Map(this IEndpointRouteBuilder routes, string method, string path, RequestDelegate handle) =>
        routes.MapMethods(path, [method], handle).WithMetadata(handle.Method);

    private static IEndpointConventionBuilder Described(this IEndpointConventionBuilder route) => route
        .WithTags("Orders")
        .WithHeader(KeyRequest.TimeoutHeader, "Budget, 10s by default, 60s at most.");
}
