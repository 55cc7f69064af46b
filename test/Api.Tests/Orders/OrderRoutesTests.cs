using System.Net;
using System.Text;
using GrainDb.Api.Tests.Fakes;
using GrainDb.Api.Tests.Serving;
using GrainDb.Interfaces.Sagas;
using Microsoft.Extensions.DependencyInjection;

namespace GrainDb.Api.Tests.Orders;

/// <summary>Orders over HTTP.</summary>
public sealed class OrderRoutesTests : IAsyncLifetime
{
    private const string Order = """{"id":"o-1","customer":"Ada","lines":[{"sku":"apple","quantity":2}],"payment":{"account":"ada"}}""";

    private readonly FakeOrderSagas _sagas = new();
    private ApiServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await ApiServer.StartAsync(add: builder => builder.Services.AddSingleton<ISagaStore>(_sagas));

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task An_order_is_the_saga_of_its_id_and_the_same_again_is_the_same_order()
    {
        using var placed = await PostAsync(Order);
        Assert.Equal((HttpStatusCode.Accepted, "/v1/orders/o-1"), (placed.StatusCode, placed.Headers.Location!.ToString()));
        var order = await ApiServer.ReadJsonAsync(placed);
        Assert.Equal(("o-1", "pending", "Ada"), (order.GetProperty("id").GetString(), order.GetProperty("status").GetString(), order.GetProperty("customer").GetString()));
        Assert.False(order.TryGetProperty("amount", out _));
        Assert.Equal(("o-1", "process_order"), (_sagas.LastStart!.Id, _sagas.LastStart.Definition));
        Assert.Equal(
            """{"customer":"Ada","lines":[{"sku":"apple","quantity":2}],"payment":{"account":"ada"}}""", Encoding.UTF8.GetString(_sagas.LastStart.Input.Span));

        using var again = await PostAsync("""{"payment":{"account":"ada"}, "lines":[{"quantity":2,"sku":"apple"}], "customer":"Ada", "id":"o-1"}""");
        Assert.Equal((HttpStatusCode.Accepted, "true"), (again.StatusCode, again.Headers.GetValues("GrainDb-Idempotent-Replay").Single()));
        await Problems.AssertIsAsync(await PostAsync(Order.Replace("2", "3", StringComparison.Ordinal)), ErrorCode.IdempotencyMismatch);
    }

    [Fact]
    public async Task Without_an_id_the_idempotency_key_makes_a_repetition_the_same_order()
    {
        var body = Order.Replace("\"id\":\"o-1\",", "", StringComparison.Ordinal);
        using var first = await PostAsync(body, "key-1");
        using var again = await PostAsync(body, "key-1");
        using var other = await PostAsync(body);
        Assert.Equal(first.Headers.Location, again.Headers.Location);
        Assert.NotEqual(first.Headers.Location, other.Headers.Location);
        await Problems.AssertIsAsync(await PostAsync(body.Replace("Ada", "Bob", StringComparison.Ordinal), "key-1"), ErrorCode.IdempotencyMismatch);
    }

    [Fact]
    public async Task Beside_an_id_the_idempotency_key_is_not_looked_at()
    {
        using var first = await PostAsync(Order, "key-1");
        using var again = await PostAsync(Order, "key-2");
        using var other = await PostAsync(Order.Replace("o-1", "o-2", StringComparison.Ordinal), "key-1");
        Assert.Equal("true", again.Headers.GetValues("GrainDb-Idempotent-Replay").Single());
        Assert.Equal((HttpStatusCode.Accepted, "/v1/orders/o-2"), (other.StatusCode, other.Headers.Location!.ToString()));
        Assert.False(other.Headers.Contains("GrainDb-Idempotent-Replay"));
    }

    [Theory]
    [InlineData("stuckBackward", "stuck")]
    [InlineData("stuckForward", "stuck")]
    [InlineData("running", "pending")]
    [InlineData("waiting", "pending")]
    [InlineData("compensating", "compensating")]
    [InlineData("compensated", "compensated")]
    [InlineData("completed", "completed")]
    public async Task An_order_shows_its_amount_and_where_its_saga_stands(string saga, string status)
    {
        await PostAsync(Order);
        _sagas.Look = view => new SagaView(view.Summary with { Status = saga, Step = "charge_payment", Reason = "no money" }, view.Input,
            [new SagaStepView { Name = "reserve_inventory", Kind = "compensatable", Status = "completed", Service = "inventory", Output = Encoding.UTF8.GetBytes("""{"amount":"19.80"}""") }]);

        var order = await _server.GetJsonAsync("/v1/orders/o-1?wait=30s");

        Assert.Equal((status, "19.80"), (order.GetProperty("status").GetString(), order.GetProperty("amount").GetString()));
        Assert.Equal((saga, "no money"), (order.GetProperty("saga").GetProperty("status").GetString(), order.GetProperty("saga").GetProperty("reason").GetString()));
        Assert.Equal(TimeSpan.FromSeconds(30), _sagas.LastWait);
    }

    [Fact]
    public async Task What_is_no_order_is_not_found()
    {
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, "/v1/orders/o-2"), ErrorCode.OrderNotFound);
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, "/v1/orders/o%202"), ErrorCode.OrderNotFound);
        await PostAsync(Order);
        _sagas.Look = view => view with { Summary = view.Summary with { Definition = "another" } };
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, "/v1/orders/o-1"), ErrorCode.OrderNotFound);
    }

    [Fact]
    public async Task Orders_are_listed_by_status()
    {
        await PostAsync(Order);
        await PostAsync(Order.Replace("o-1", "o-2", StringComparison.Ordinal));

        var page = await _server.GetJsonAsync("/v1/orders?status=stuck&limit=1&cursor=c");

        Assert.Equal("o-1", page.GetProperty("items")[0].GetProperty("id").GetString());
        Assert.Equal("next", page.GetProperty("cursor").GetString());
        var query = _sagas.LastQuery!;
        Assert.Equal(("process_order", 1, "c"), (query.Definition, query.Limit, query.Cursor));
        Assert.Equal(["stuckForward", "stuckBackward"], query.Statuses);
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, "/v1/orders?status=lost"), ErrorCode.InvalidRequest);
    }

    [Theory]
    [InlineData("""{"lines":[{"sku":"a","quantity":1}],"payment":{"account":"a"}}""", "$.customer: it is missing")]
    [InlineData("""{"customer":"c","lines":[],"payment":{"account":"a"}}""", "$.lines: it has 0 entries")]
    [InlineData("""{"customer":"c","lines":[null],"payment":{"account":"a"}}""", "$.lines[0].sku: it is missing")]
    [InlineData("""{"customer":"c","lines":[{"sku":"a b","quantity":1}],"payment":{"account":"a"}}""", "$.lines[0].sku: it is 'a b'")]
    [InlineData("""{"customer":"c","lines":[{"sku":"a","quantity":0}],"payment":{"account":"a"}}""", "$.lines[0].quantity: it is 0")]
    [InlineData("""{"customer":"c","lines":[{"sku":"a"}],"payment":{"account":"a"}}""", "$.lines[0].quantity: it is missing")]
    [InlineData("""{"customer":"c","lines":[{"sku":"a","quantity":1.5}],"payment":{"account":"a"}}""", "a whole number of 64 bits is expected")]
    [InlineData("""{"customer":"c","lines":[{"sku":"a","quantity":1}]}""", "$.payment.account: it is missing")]
    [InlineData("""{"id":"a/b","customer":"c","lines":[{"sku":"a","quantity":1}],"payment":{"account":"a"}}""", "$.id: it is 'a/b'")]
    public async Task A_wrong_order_says_where_and_is_not_placed(string body, string why)
    {
        var problem = await Problems.AssertIsAsync(await PostAsync(body), ErrorCode.InvalidRequest);
        Assert.Contains(why, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal(0, _sagas.Calls);
    }

    private Task<HttpResponseMessage> PostAsync(string body, string? key = null) => _server.SendAsync(HttpMethod.Post, "/v1/orders", request =>
    {
        request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        if (key is not null)
            request.Headers.Add("Idempotency-Key", key);
    });
}
