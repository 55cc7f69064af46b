using System.Net;
using System.Net.Sockets;
using System.Text;
using GrainDb.Silo.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace GrainDb.Silo.Tests.Hosting;

/// <summary>Clients connect anew for every request, as they must while a node drains, and as fast as they can.</summary>
public sealed class HttpConnectionsTests
{
    private const int Clients = 32;

    private static readonly byte[] Request = Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");

    [Fact]
    public async Task A_connection_that_was_made_is_answered_however_close_to_the_end()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var connections = new HttpConnections(TimeProvider.System);
        await using var server = await StartAsync(connections, async response =>
        {
            await Task.Yield();
            await response.WriteAsync("answered", CancellationToken.None);
        });
        var endPoint = EndPointOf(server);
        var answered = 0;
        var clients = Enumerable.Range(0, Clients).Select(_ => Task.Run(async () =>
        {
            while (await AskAsync(endPoint, cancellationToken) is { } answer)
            {
                Assert.Contains("answered", answer, StringComparison.Ordinal);
                Interlocked.Increment(ref answered);
            }
        }, cancellationToken)).ToList();
        while (Volatile.Read(ref answered) < 10 * Clients && !clients.Exists(client => client.IsCompleted))
            await Task.Yield();

        await connections.DrainAsync();
        await server.StopAsync(cancellationToken);

        await Task.WhenAll(clients);
    }

    [Fact]
    public async Task A_request_under_way_is_waited_for_and_an_idle_connection_is_not()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var connections = new HttpConnections(TimeProvider.System);
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = await StartAsync(connections, async response =>
        {
            await release.Task;
            await response.WriteAsync("answered", CancellationToken.None);
        });
        var endPoint = EndPointOf(server);
        using var idle = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await idle.ConnectAsync(endPoint, cancellationToken);
        var asking = AskAsync(endPoint, cancellationToken);

        await connections.DrainAsync();
        var stopping = server.StopAsync(cancellationToken);
        Assert.False(asking.IsCompleted);
        release.SetResult();

        Assert.Contains("answered", await asking, StringComparison.Ordinal);
        await stopping;
        Assert.Equal(0, await idle.ReceiveAsync(new byte[1], cancellationToken));
    }

    private static async Task<WebApplication> StartAsync(HttpConnections connections, Func<HttpResponse, Task> answer)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseSockets(connections.Configure).ConfigureKestrel(kestrel =>
        {
            kestrel.ConfigureEndpointDefaults(connections.Configure);
            kestrel.Listen(IPAddress.Loopback, 0);
        });
        var application = builder.Build();
        application.Run(context =>
        {
            context.Response.Headers.Connection = "close";
            return answer(context.Response);
        });
        await application.StartAsync();
        return application;
    }

    private static IPEndPoint EndPointOf(WebApplication server) => new(IPAddress.Loopback, new Uri(server.Urls.Single()).Port);

    /// <summary>The whole answer; null when the connection was refused. A connection that breaks without an answer throws, or gives an empty one.</summary>
    private static async Task<string?> AskAsync(EndPoint endPoint, CancellationToken cancellationToken)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(endPoint, cancellationToken);
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionRefused)
        {
            return null;
        }

        await socket.SendAsync(Request, cancellationToken);
        using var stream = new NetworkStream(socket);
        using var reader = new StreamReader(stream, Encoding.ASCII);
        return await reader.ReadToEndAsync(cancellationToken);
    }
}
