using System.Net;
using System.Text;
using GrainDb.Api.Tests.Serving;
using GrainDb.Interfaces.Orders;

namespace GrainDb.Api.Tests.Orders;

/// <summary>Articles, accounts and shipments over HTTP.</summary>
public sealed class StockRoutesTests : IAsyncLifetime
{
    private ApiServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await ApiServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task An_article_is_made_replaced_and_read()
    {
        using var made = await PutAsync("/v1/inventory/apple", """{"available":10,"price":"9.90"}""");
        Assert.Equal((HttpStatusCode.Created, "/v1/inventory/apple"), (made.StatusCode, made.Headers.Location!.ToString()));
        using var replaced = await PutAsync("/v1/inventory/apple", """{"available":7,"price":5}""");
        Assert.Equal(HttpStatusCode.OK, replaced.StatusCode);
        Assert.Equal("""{"sku":"apple","available":7,"price":"5.00"}""", (await _server.GetJsonAsync("/v1/inventory/apple")).GetRawText());
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, "/v1/inventory/pear"), ErrorCode.ArticleNotFound);
    }

    [Fact]
    public async Task An_account_is_made_and_read()
    {
        using var made = await PutAsync("/v1/payments/accounts/ada", """{"balance":"100"}""");
        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        Assert.Equal("""{"id":"ada","balance":"100.00"}""", (await _server.GetJsonAsync("/v1/payments/accounts/ada")).GetRawText());
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, "/v1/payments/accounts/bob"), ErrorCode.AccountNotFound);
    }

    [Fact]
    public async Task A_shipment_is_read()
    {
        _server.Orders.Shipments["o-1"] = new Shipment("o-1", "created");
        Assert.Equal("""{"orderId":"o-1","status":"created"}""", (await _server.GetJsonAsync("/v1/shipments/o-1")).GetRawText());
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, "/v1/shipments/o-2"), ErrorCode.ShipmentNotFound);
    }

    [Fact]
    public async Task A_repeated_request_is_given_its_first_answer_and_another_one_is_refused()
    {
        const string Body = """{"available":10,"price":"9.90"}""";
        using var first = await PutAsync("/v1/inventory/apple", Body, "key");
        using var again = await PutAsync("/v1/inventory/apple", Body, "key");
        Assert.Equal((HttpStatusCode.Created, "true"), (again.StatusCode, again.Headers.GetValues("GrainDb-Idempotent-Replay").Single()));
        await Problems.AssertIsAsync(await PutAsync("/v1/inventory/apple", """{"available":11,"price":"9.90"}""", "key"), ErrorCode.IdempotencyMismatch);
    }

    [Theory]
    [InlineData("/v1/inventory/apple", """{"price":"9.90"}""", "$.available: it is missing")]
    [InlineData("/v1/inventory/apple", """{"available":-1,"price":"9.90"}""", "$.available: it is -1")]
    [InlineData("/v1/inventory/apple", """{"available":1}""", "$.price: it is missing")]
    [InlineData("/v1/inventory/apple", """{"available":1,"price":"9.901"}""", "$.price: it is '9.901'")]
    [InlineData("/v1/inventory/apple", """{"available":1,"price":"-1"}""", "$.price: it is '-1'")]
    [InlineData("/v1/inventory/apple", """{"available":1,"price":1e3}""", "$.price: it is '1e3'")]
    [InlineData("/v1/inventory/a%20b", """{"available":1,"price":"1"}""", "'a b' is no name")]
    [InlineData("/v1/payments/accounts/ada", """{"balance":"10000000000000.01"}""", "$.balance: it is '10000000000000.01'")]
    public async Task A_wrong_row_says_where_and_is_not_written(string path, string body, string why)
    {
        var problem = await Problems.AssertIsAsync(await PutAsync(path, body), ErrorCode.InvalidRequest);
        Assert.Contains(why, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal(0, _server.Orders.Calls);
    }

    [Theory]
    [InlineData("0", "0.00")]
    [InlineData("9.9", "9.90")]
    [InlineData("10000000000000", "10000000000000.00")]
    public void An_amount_is_exact(string text, string written)
    {
        Assert.True(Money.TryParse(text, out var money));
        Assert.Equal(written, money.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData(".5")]
    [InlineData("5.")]
    [InlineData("+1")]
    [InlineData("1,000")]
    [InlineData(" 1")]
    [InlineData("1.000")]
    [InlineData("١")]
    [InlineData("99999999999999999")]
    public void What_is_no_amount_is_refused(string text) => Assert.False(Money.TryParse(text, out _));

    private Task<HttpResponseMessage> PutAsync(string path, string body, string? key = null) => _server.SendAsync(HttpMethod.Put, path, request =>
    {
        request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        if (key is not null)
            request.Headers.Add("Idempotency-Key", key);
    });
}
