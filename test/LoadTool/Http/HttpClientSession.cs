using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace GrainDb.LoadTool.Http;

/// <summary>
/// One client: a connection to one of the endpoints, opened when needed, given up on any failure and then opened to the
/// next endpoint. Never repeats a request by itself: whether that is right, the caller knows.
/// </summary>
internal sealed class HttpClientSession : IDisposable
{
    /// <summary>Pause after a refused connection.</summary>
    public static readonly TimeSpan ReconnectPause = TimeSpan.FromMilliseconds(25);

    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(5);

    private readonly IReadOnlyList<Endpoint> _endpoints;
    private int _current;
    private HttpConnection? _connection;

    /// <summary>A client that begins at endpoint number <paramref name="index"/> modulo their count.</summary>
    public HttpClientSession(IReadOnlyList<Endpoint> endpoints, int index, Watchdog watchdog)
    {
        _endpoints = endpoints;
        _current = index % endpoints.Count;
        watchdog.Watch(this);
    }

    /// <summary>The response of the last successful <see cref="SendAsync"/>.</summary>
    public ResponseParser Response { get; } = new();

    /// <summary>Sends one request.</summary>
    /// <returns>Null when a response, whatever its status, is in <see cref="Response"/>; else one of <see cref="TransportErrors"/>.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<string?> SendAsync(ReadOnlyMemory<byte> request, CancellationToken cancellationToken)
    {
        var connection = _connection ?? await ConnectAsync(cancellationToken);
        if (connection is null)
            return TransportErrors.ConnectFailed;
        try
        {
            await connection.ExchangeAsync(request, Response, bodyless: false);
            if (Response.CloseAfter)
                GiveUp(connection, moveOn: false);
            return null;
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            GiveUp(connection, moveOn: true);
            return connection.TimedOut ? TransportErrors.Timeout : TransportErrors.ConnectionLost;
        }
        catch (ProtocolException)
        {
            GiveUp(connection, moveOn: false);
            return TransportErrors.Protocol;
        }
    }

    /// <summary>See <see cref="HttpConnection.AbortIfOlderThan"/>.</summary>
    public void AbortIfOlderThan(long timestamp) => Volatile.Read(ref _connection)?.AbortIfOlderThan(timestamp);

    /// <inheritdoc/>
    public void Dispose() => _connection?.Dispose();

    private async ValueTask<HttpConnection?> ConnectAsync(CancellationToken cancellationToken)
    {
        var connection = new HttpConnection(_endpoints[_current]);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(ConnectTimeout);
        try
        {
            await connection.ConnectAsync(limit.Token);
            Volatile.Write(ref _connection, connection);
            return connection;
        }
        catch (Exception error) when (error is SocketException || (error is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            GiveUp(connection, moveOn: true);
            await Task.Delay(ReconnectPause, cancellationToken);
            return null;
        }
        catch (OperationCanceledException)
        {
            connection.Dispose();
            throw;
        }
    }

    private void GiveUp(HttpConnection connection, bool moveOn)
    {
        connection.Dispose();
        Volatile.Write(ref _connection, null);
        if (moveOn)
            _current = (_current + 1) % _endpoints.Count;
    }
}
