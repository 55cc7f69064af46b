using System.Diagnostics;
using GrainDb.LoadTool.Http;
using GrainDb.LoadTool.Workloads;

namespace GrainDb.LoadTool.Measuring;

/// <summary>The clients of one run: each sends a request, waits for its answer, judges it, and asks when the next is due.</summary>
internal sealed class LoadRun(IReadOnlyList<Endpoint> endpoints, IWorkload[] workloads, IArrivals arrivals, bool openLoop, Recorder recorder)
{
    /// <summary>One response in so many is looked into, not only at.</summary>
    public const int ThoroughEvery = 64;

    /// <summary>Runs all clients until their arrivals are over.</summary>
    public async Task RunAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var watchdog = new Watchdog(timeout);
        using var abort = cancellationToken.Register(watchdog.AbortAll);
        var clients = new Task[workloads.Length];
        for (var i = 0; i < clients.Length; i++)
            clients[i] = RunClientAsync(i, watchdog, cancellationToken);
        await Task.WhenAll(clients);

        // The last client ended on the socket thread, which must not run what comes now.
        await Task.Yield();
    }

    private async Task RunClientAsync(int client, Watchdog watchdog, CancellationToken cancellationToken)
    {
        // Not on the caller's stack: a client would run up to its first wait before the next one is even created.
        await Task.Yield();
        var workload = workloads[client];
        using var session = new HttpClientSession(endpoints, client, watchdog);
        for (var sequence = client; ; sequence++)
        {
            var startedAt = await arrivals.NextAsync(client);
            if (startedAt == IArrivals.Over)
                return;
            var (request, kind) = workload.Next();
            string? error;
            try
            {
                error = await session.SendAsync(request, cancellationToken);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            // The user's ctrl-C ends requests by force: not the server's failures.
            if (error is not null && cancellationToken.IsCancellationRequested)
                return;
            var endedAt = Stopwatch.GetTimestamp();
            var verdict = error is null ? workload.Judge(session.Response, sequence % ThoroughEvery == 0) : Verdict.Failure(error);
            recorder.Completed(
                kind, verdict, openLoop ? startedAt : endedAt, startedAt, endedAt, request.Length, error is null ? session.Response.WireBytes : 0);
        }
    }
}
