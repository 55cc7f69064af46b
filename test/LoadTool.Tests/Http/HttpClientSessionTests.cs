using System.Net;
using System.Net.Sockets;
using System.Text;
using GrainDb.LoadTool.Http;

namespace GrainDb.LoadTool.Tests.Http;

public sealed class HttpClientSessionTests
{
    private static readonly byte[] Request = RequestText.Get("/v1/kv/default/k");

    [Fact]
    public async Task A_connection_is_kept_until_the_server_closes_it()
    {
        using var listener = Listen(out var endpoint);
        var server = ServeAsync(
            listener,
            ["HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nb"],
            ["HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nc"]);
        using var watchdog = new Watchdog(TimeSpan.FromSeconds(30));
        using var session = new HttpClientSession([endpoint], 0, watchdog);

        var bodies = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            Assert.Null(await session.SendAsync(Request, TestContext.Current.CancellationToken));
            bodies.Add(Encoding.ASCII.GetString(session.Response.Body));
        }

        Assert.Equal(["a", "b", "c"], bodies);
        await server;
    }

    [Fact]
    public async Task A_broken_connection_is_told_from_a_refused_one_and_the_next_endpoint_is_tried()
    {
        using var first = Listen(out var dies);
        using var second = Listen(out var lives);
        var servers = Task.WhenAll(ServeAsync(first, ["HTTP/1.1 200 OK\r\nContent-Len"]), ServeAsync(second, ["HTTP/1.1 204 No Content\r\n\r\n"]));
        using var watchdog = new Watchdog(TimeSpan.FromSeconds(30));
        using var session = new HttpClientSession([dies, lives], 0, watchdog);

        Assert.Equal(TransportErrors.ConnectionLost, await session.SendAsync(Request, TestContext.Current.CancellationToken));
        Assert.Null(await session.SendAsync(Request, TestContext.Current.CancellationToken));
        Assert.Equal(204, session.Response.Status);
        await servers;
        second.Stop();

        using var refused = new HttpClientSession([lives], 0, watchdog);
        Assert.Equal(TransportErrors.ConnectFailed, await refused.SendAsync(Request, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_server_that_does_not_answer_is_a_timeout()
    {
        using var listener = Listen(out var endpoint);
        using var watchdog = new Watchdog(TimeSpan.FromMilliseconds(50));
        using var session = new HttpClientSession([endpoint], 0, watchdog);

        Assert.Equal(TransportErrors.Timeout, await session.SendAsync(Request, TestContext.Current.CancellationToken));
    }

    private static TcpListener Listen(out Endpoint endpoint)
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        endpoint = Endpoint.Parse($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");
        return listener;
    }

    /// <summary>Takes one connection per list and answers each request on it with the next text; then closes it.</summary>
    private static async Task ServeAsync(TcpListener listener, params string[][] connections)
    {
        foreach (var responses in connections)
        {
            using var client = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
            var stream = client.GetStream();
            foreach (var response in responses)
            {
                await stream.ReadExactlyAsync(new byte[Request.Length], TestContext.Current.CancellationToken);
                await stream.WriteAsync(Encoding.ASCII.GetBytes(response), TestContext.Current.CancellationToken);
            }
        }
    }
}
