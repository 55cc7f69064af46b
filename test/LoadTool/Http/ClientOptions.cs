using GrainDb.LoadTool.Commands;

namespace GrainDb.LoadTool.Http;

/// <summary>Whom the clients of a command talk to, how many they are and how long they wait.</summary>
internal sealed record ClientOptions(Endpoint[] Endpoints, int Clients, TimeSpan Timeout)
{
    /// <summary>Options that <see cref="From"/> reads.</summary>
    public static readonly string[] Names = ["endpoints", "clients", "timeout"];

    /// <summary>Reads the command line.</summary>
    public static ClientOptions From(Arguments arguments, int clients) => new(
        Endpoint.ParseAll(arguments.List("endpoints")),
        arguments.Integer("clients", clients, 1, 4096),
        arguments.Duration("timeout", TimeSpan.FromSeconds(15), TimeSpan.FromMilliseconds(200), TimeSpan.FromMinutes(2)));

    /// <summary>Runs all clients at once, each with its own connection, until the last one ends.</summary>
    public async Task ForEachClientAsync(Func<int, HttpClientSession, Task> client, CancellationToken cancellationToken)
    {
        using var watchdog = new Watchdog(Timeout);
        using var abort = cancellationToken.Register(watchdog.AbortAll);
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(async index =>
        {
            await Task.Yield();
            using var session = new HttpClientSession(Endpoints, index, watchdog);
            await client(index, session);
        }));

        // The last client ended on the socket thread, which must not run what comes now.
        await Task.Yield();
    }
}
