using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace GrainDb.LoadTool.Http;

/// <summary>
/// One keep-alive HTTP/1.1 connection, one request at a time. Costs a send, a receive and the parsing of a head per
/// request, which <c>HttpClient</c> does not come near: on a machine that the server shares, that is the server's time.
/// </summary>
internal sealed class HttpConnection(Endpoint endpoint) : IDisposable
{
    private readonly Socket _socket = new(endpoint.SocketAddress.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private long _startedAt;

    /// <summary>Whether the deadline, not the server, ended the connection.</summary>
    public bool TimedOut { get; private set; }

    /// <summary>Connects.</summary>
    public ValueTask ConnectAsync(CancellationToken cancellationToken) =>
        _socket.ConnectAsync(endpoint.SocketAddress, cancellationToken);

    /// <summary>Sends one request and reads its response into <paramref name="parser"/>.</summary>
    /// <exception cref="SocketException">The connection broke, or was ended by <see cref="AbortIfOlderThan"/>.</exception>
    /// <exception cref="ProtocolException">The response is malformed.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask ExchangeAsync(ReadOnlyMemory<byte> request, ResponseParser parser, bool bodyless)
    {
        Volatile.Write(ref _startedAt, Stopwatch.GetTimestamp());
        parser.Begin(bodyless);
        while (!request.IsEmpty)
            request = request[await _socket.SendAsync(request, SocketFlags.None)..];

        while (true)
        {
            var received = await _socket.ReceiveAsync(parser.Writable(), SocketFlags.None);
            if (received == 0 ? parser.AdvanceToEnd() : parser.Advance(received))
                break;
            if (received == 0)
                throw new SocketException((int)SocketError.ConnectionReset);
        }

        Volatile.Write(ref _startedAt, 0);
    }

    /// <summary>Ends the connection when a request has been under way since before <paramref name="timestamp"/>.</summary>
    public void AbortIfOlderThan(long timestamp)
    {
        var startedAt = Volatile.Read(ref _startedAt);
        if (startedAt == 0 || startedAt >= timestamp)
            return;
        TimedOut = true;
        _socket.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();
}
