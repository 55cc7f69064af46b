using System.Net;
using System.Text;
using System.Text.Json;
using GrainDb.Api.Tests.Fakes;
using GrainDb.Engine.Eventual;
using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Orders;
using GrainDb.Interfaces.Sagas;
using GrainDb.Interfaces.Transactions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace GrainDb.Api.Tests.Serving;

/// <summary>The API on a real Kestrel on a free loopback port, over fakes.</summary>
internal sealed class ApiServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private ApiServer(WebApplication app, FakeStore store, FakeEventual eventual, FakeDirectory directory, FakeTransactions transactions, FakeSagas sagas, FakeOrders orders, FakeFeed feed, FakeCatalog catalog, FakeCluster cluster)
    {
        _app = app;
        Store = store;
        Eventual = eventual;
        Directory = directory;
        Transactions = transactions;
        Feed = feed;
        Catalog = catalog;
        Cluster = cluster;
        Sagas = sagas;
        Orders = orders;
        Address = new Uri(app.Urls.Single());
        Client = new HttpClient { BaseAddress = Address };
    }

    public FakeStore Store { get; }

    public FakeEventual Eventual { get; }

    public FakeDirectory Directory { get; }

    public FakeTransactions Transactions { get; }

    public FakeFeed Feed { get; }

    public FakeCatalog Catalog { get; }

    public FakeCluster Cluster { get; }

    public FakeSagas Sagas { get; }

    public FakeOrders Orders { get; }

    public Uri Address { get; }

    public HttpClient Client { get; }

    public IServiceProvider Services => _app.Services;

    public static async Task<ApiServer> StartAsync(ApiOptions? options = null, Action<WebApplicationBuilder>? add = null, Action<WebApplication>? map = null)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        builder.Services.AddRoutingCore();
        builder.Logging.SetMinimumLevel(LogLevel.None);
        var store = new FakeStore();
        var directory = new FakeDirectory();
        var eventual = new FakeEventual(directory);
        var transactions = new FakeTransactions(store);
        var feed = new FakeFeed();
        var catalog = new FakeCatalog();
        var cluster = new FakeCluster();
        var sagas = new FakeSagas();
        var orders = new FakeOrders();
        builder.Services.AddSingleton<IKeyValueStore>(store);
        builder.Services.AddSingleton<IKeyspaceDirectory>(directory);
        builder.Services.AddSingleton<IEventualStore>(eventual);
        builder.Services.AddSingleton<IEventualStates, EventualStates>();
        builder.Services.AddSingleton<IOrderStore>(orders);
        builder.Services.AddSingleton<ITransactionStore>(transactions);
        builder.Services.AddSingleton<ISagaStore>(sagas);
        builder.Services.AddSingleton<IChangeFeed>(feed);
        builder.Services.AddSingleton<IKeyspaceCatalog>(catalog);
        builder.Services.AddSingleton<IClusterView>(cluster);
        builder.Services.AddGrainDbApi(options ?? new ApiOptions());
        add?.Invoke(builder);
        var app = builder.Build();
        app.MapGrainDbApi();
        map?.Invoke(app);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new ApiServer(app, store, eventual, directory, transactions, sagas, orders, feed, catalog, cluster);
    }

    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, Action<HttpRequestMessage>? with = null)
    {
        using var request = new HttpRequestMessage(method, path);
        with?.Invoke(request);
        return await Client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    public Task<HttpResponseMessage> SendJsonAsync(HttpMethod method, string path, string json) =>
        SendAsync(method, path, request => request.Content = new StringContent(json, Encoding.UTF8, "application/json"));

    public async Task<JsonElement> GetJsonAsync(string path)
    {
        using var response = await SendAsync(HttpMethod.Get, path);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await ReadJsonAsync(response);
    }

    public static async Task<JsonElement> ReadJsonAsync(HttpResponseMessage response)
    {
        Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
        return JsonDocument.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement;
    }

    public Task<RawResponse> SendRawAsync(string request) => RawRequest.SendAsync(Address, request);

    /// <summary>Stops as an operator would.</summary>
    public Task StopAsync() => _app.StopAsync(TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
    }
}
