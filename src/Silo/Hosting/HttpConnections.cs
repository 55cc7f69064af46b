using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace GrainDb.Silo.Hosting;

/// <summary>
/// Where HTTP listens and how many connections are open, so that a node can leave without breaking one. Kestrel closes every connection that has no request
/// under way, also one whose request is about to be read; so before it stops, all that were accepted are answered, each answer ending its connection.
/// </summary>
public sealed class HttpConnections(TimeProvider time)
{
    /// <summary>Most time that connections may take to end. What is left then has a long request under way, which Kestrel waits for, or keeps coming.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan Round = TimeSpan.FromMilliseconds(20);

    /// <summary>Rounds without a change after which the connections that are left are idle, their clients having no use for them. Counted and not timed: a process that stands still learns of no requests either.</summary>
    private const int QuietRounds = 25;

    /// <summary>The same when none is left: one may just have been accepted.</summary>
    private const int EmptyRounds = 3;

    private readonly Lock _lock = new();
    private readonly List<ListenSocket> _listening = [];
    private int _open;
    private int _begun;

    public void Configure(SocketTransportOptions transport)
    {
        ArgumentNullException.ThrowIfNull(transport);
        SocketThreads.Configure(transport);
        transport.CreateBoundListenSocket = endPoint =>
        {
            var listening = ListenSocket.Bind(endPoint, out var socket);
            lock (_lock)
                _listening.Add(listening);
            return socket;
        };
    }

    public void Configure(ListenOptions listen)
    {
        ArgumentNullException.ThrowIfNull(listen);
        listen.Use(next => connection => CountAsync(next, connection));
    }

    /// <summary>Stops listening, and waits until the connections that are open have ended, or are idle. Answers must end their connections by now.</summary>
    public async Task DrainAsync()
    {
        ListenSocket[] listening;
        lock (_lock)
            listening = [.. _listening];
        await Task.WhenAll(listening.Select(socket => socket.CloseAsync(time)));
        var started = time.GetTimestamp();
        var last = (Open: -1, Begun: -1);
        for (var quiet = 0; quiet < (last.Open == 0 ? EmptyRounds : QuietRounds) && time.GetElapsedTime(started) < Patience;)
        {
            await Task.Delay(Round, time);
            var now = (Volatile.Read(ref _open), Volatile.Read(ref _begun));
            quiet = now == last ? quiet + 1 : 0;
            last = now;
        }
    }

    private async Task CountAsync(ConnectionDelegate next, ConnectionContext connection)
    {
        Interlocked.Increment(ref _begun);
        Interlocked.Increment(ref _open);
        try
        {
            await next(connection);
        }
        finally
        {
            Interlocked.Decrement(ref _open);
        }
    }
}
