using System.Net;
using System.Text;
using System.Text.Json;
using GrainDb.Engine.Sagas;
using GrainDb.Grains.Sagas;
using GrainDb.Grains.Sagas.Http;
using GrainDb.Grains.Sagas.Participants;

namespace GrainDb.Cluster.Tests.Orders;

/// <summary>Services outside the database, behind HTTP that does what a test says; the records of calls are on three nodes.</summary>
public sealed class HttpSagaServiceTests(OrderCluster cluster) : IClassFixture<OrderCluster>
{
    private static readonly HttpServiceOptions Options = new("warehouse", new Uri("http://127.0.0.1:9/calls"), new Dictionary<string, string?> { ["pick"] = "return" });

    [Theory]
    [InlineData(200, """{"parcel":7}""", SagaCallStatus.Completed, "")]
    [InlineData(204, "", SagaCallStatus.Completed, "")]
    [InlineData(200, "no json", SagaCallStatus.Bug, "answered 200 with a body that is no JSON")]
    [InlineData(200, "{} {}", SagaCallStatus.Bug, "answered 200 with a body that is no JSON")]
    [InlineData(302, "", SagaCallStatus.Bug, "redirects are not followed")]
    [InlineData(400, """{"title":"bad"}""", SagaCallStatus.Bug, "400: bad")]
    [InlineData(401, "", SagaCallStatus.Bug, "answered 401")]
    [InlineData(404, "<html>", SagaCallStatus.Bug, "answered 404")]
    [InlineData(409, """{"detail":"sold out"}""", SagaCallStatus.Rejected, "409: sold out")]
    [InlineData(422, """{"reason":"too heavy"}""", SagaCallStatus.Rejected, "422: too heavy")]
    [InlineData(408, "", SagaCallStatus.Unknown, "answered 408")]
    [InlineData(500, "", SagaCallStatus.Unknown, "answered 500")]
    [InlineData(504, "", SagaCallStatus.Unknown, "answered 504")]
    [InlineData(429, "", SagaCallStatus.Transient, "answered 429")]
    [InlineData(503, "", SagaCallStatus.Transient, "answered 503")]
    public async Task An_answer_says_what_became_of_a_call(int status, string body, SagaCallStatus expected, string reason)
    {
        using var http = new Outside((_, _) => Task.FromResult(Answer(status, body)));
        var result = await Service(http).CallAsync(Call(cluster.NewName("saga")), TestContext.Current.CancellationToken);
        Assert.Equal(expected, result.Status);
        Assert.Contains(reason, result.Reason, StringComparison.Ordinal);
        Assert.Equal(expected == SagaCallStatus.Transient ? 3 : 1, http.Requests.Count);
    }

    [Fact]
    public async Task A_call_says_what_is_wanted_under_a_key_that_is_always_the_same()
    {
        var saga = cluster.NewName("saga");
        using var http = new Outside((_, _) => Task.FromResult(Answer(200, """{"parcel":7}""")));
        var (first, other) = (Service(http), Service(http, node: 1));

        Assert.Equal(7, (await first.CallAsync(Call(saga), TestContext.Current.CancellationToken)).Output.GetProperty("parcel").GetInt32());
        await other.CallAsync(Call(saga) with { Attempt = 2 }, TestContext.Current.CancellationToken);
        await other.CallAsync(Call(saga) with { IsUndo = true, Action = "return" }, TestContext.Current.CancellationToken);

        Assert.Equal([$"{saga}/step/do", $"{saga}/step/do", $"{saga}/step/undo"], http.Requests.Select(request => request.Key));
        Assert.Equal($$$"""{"saga":"{{{saga}}}","step":"step","action":"pick","input":{"piece":1}}""", http.Requests[0].Body);
        Assert.Equal($$$"""{"saga":"{{{saga}}}","step":"step","action":"return","input":{"piece":1}}""", http.Requests[2].Body);
    }

    [Fact]
    public async Task Once_the_undo_has_begun_no_call_of_the_step_leaves_the_cluster()
    {
        var saga = cluster.NewName("saga");
        using var http = new Outside((_, _) => Task.FromResult(Answer(503, "")));
        Assert.Equal(SagaCallStatus.Transient, (await Service(http).CallAsync(Call(saga) with { IsUndo = true, Action = "return" }, TestContext.Current.CancellationToken)).Status);
        var sent = http.Requests.Count;

        var late = await Service(http, node: 2).CallAsync(Call(saga), TestContext.Current.CancellationToken);

        Assert.Equal((SagaCallStatus.Rejected, sent), (late.Status, http.Requests.Count));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_a_person_settled_is_not_asked_of_the_service_again(bool isDone)
    {
        var saga = cluster.NewName("saga");
        using var http = new Outside((_, _) => Task.FromResult(Answer(500, "")));
        var call = isDone ? Call(saga) : Call(saga) with { IsUndo = true, Action = "return" };
        Assert.Equal(SagaCallStatus.Unknown, (await Service(http).CallAsync(call, TestContext.Current.CancellationToken)).Status);

        Assert.Null(await Service(http).SettleAsync(call, isDone, JsonSerializer.SerializeToElement(new { parcel = 8 }), TestContext.Current.CancellationToken));
        var sent = http.Requests.Count;
        var late = await Service(http, node: 1).CallAsync(call, TestContext.Current.CancellationToken);

        Assert.Equal((SagaCallStatus.Completed, sent), (late.Status, http.Requests.Count));
        if (isDone)
            Assert.Equal(8, late.Output.GetProperty("parcel").GetInt32());
    }

    [Fact]
    public async Task Between_two_tries_of_one_attempt_a_persons_word_is_heard()
    {
        var saga = cluster.NewName("saga");
        HttpSagaService other = null!;
        using var http = new Outside(async (_, cancellationToken) =>
        {
            Assert.Null(await other.SettleAsync(Call(saga), isDone: false, default, cancellationToken));
            return Answer(503, "");
        });
        other = Service(http, node: 1);

        var result = await Service(http).CallAsync(Call(saga), TestContext.Current.CancellationToken);

        Assert.Equal((SagaCallStatus.Rejected, 1), (result.Status, http.Requests.Count));
    }

    [Fact]
    public async Task Of_a_call_that_is_not_answered_in_time_nobody_knows()
    {
        using var http = new Outside(async (_, cancellationToken) =>
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return Answer(200, "");
        });
        var result = await Service(http).CallAsync(Call(cluster.NewName("saga")) with { Timeout = TimeSpan.FromMilliseconds(500) }, TestContext.Current.CancellationToken);
        Assert.Equal(SagaCallStatus.Unknown, result.Status);
    }

    [Fact]
    public async Task An_answer_without_end_is_cut_off()
    {
        using var http = new Outside((_, _) => Task.FromResult(Answer(200, new string(' ', SagaLimits.MaxDocumentBytes + 1))));
        var result = await Service(http).CallAsync(Call(cluster.NewName("saga")), TestContext.Current.CancellationToken);
        Assert.Equal(SagaCallStatus.Bug, result.Status);
        Assert.Contains("more than 65536 bytes", result.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_target_that_nobody_allowed_is_not_called()
    {
        using var http = new Outside((_, _) => Task.FromResult(Answer(200, "")));
        var service = new HttpSagaService(Options, new HashSet<string> { "https://127.0.0.1:9" }, http.Invoker, Records(0), TimeProvider.System);
        Assert.Equal(SagaCallStatus.Bug, (await service.CallAsync(Call(cluster.NewName("saga")), TestContext.Current.CancellationToken)).Status);
        Assert.Empty(http.Requests);
    }

    [Fact]
    public async Task Where_nobody_listens_certainly_nothing_was_done_and_a_redirect_is_not_followed()
    {
        using var caller = new HttpCaller();
        using var listener = new HttpListener();
        var port = FreePort();
        var url = new Uri($"http://127.0.0.1:{port}/calls/");
        var options = Options with { Url = url };
        var service = new HttpSagaService(options, new HashSet<string> { SagaHttpOptions.TargetOf(url) }, caller.Invoker, Records(0), TimeProvider.System);
        Assert.Equal(SagaCallStatus.Transient, (await service.CallAsync(Call(cluster.NewName("saga")), TestContext.Current.CancellationToken)).Status);

        listener.Prefixes.Add(url.ToString());
        listener.Start();
        var called = service.CallAsync(Call(cluster.NewName("saga")), TestContext.Current.CancellationToken);
        var context = await listener.GetContextAsync().WaitAsync(TestContext.Current.CancellationToken);
        context.Response.Redirect($"http://127.0.0.1:{port}/elsewhere");
        context.Response.Close();

        var result = await called;
        Assert.Equal(SagaCallStatus.Bug, result.Status);
        Assert.Contains("redirects are not followed", result.Reason, StringComparison.Ordinal);
    }

    private static SagaCall Call(string saga) => OrderCluster.Call("pick", saga, isUndo: false, new { piece = 1 });

    private HttpSagaService Service(Outside http, int node = 0) =>
        new(Options, new HashSet<string> { "http://127.0.0.1:9" }, http.Invoker, Records(node), TimeProvider.System);

    private HttpCallRecords Records(int node) => new(cluster.Nodes.Service<Participant>(node));

    private static HttpResponseMessage Answer(int status, string body) => new((HttpStatusCode)status) { Content = new StringContent(body, Encoding.UTF8, "application/json") };

    private static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>The world outside.</summary>
    private sealed class Outside : HttpMessageHandler
    {
        private readonly Func<HttpRequestMessage, CancellationToken, Task<HttpResponseMessage>> _answer;

        public Outside(Func<HttpRequestMessage, CancellationToken, Task<HttpResponseMessage>> answer)
        {
            _answer = answer;
            Invoker = new HttpMessageInvoker(this, disposeHandler: false);
        }

        public HttpMessageInvoker Invoker { get; }

        public List<(string Key, string Body)> Requests { get; } = [];

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Assert.NotNull(request.Content!.Headers.ContentLength); // not every service reads a body in chunks
            Requests.Add((request.Headers.GetValues("Idempotency-Key").Single(), await request.Content.ReadAsStringAsync(cancellationToken)));
            return await _answer(request, cancellationToken);
        }
    }
}
