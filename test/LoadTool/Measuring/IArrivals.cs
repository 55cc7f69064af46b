using System.Diagnostics;

namespace GrainDb.LoadTool.Measuring;

/// <summary>Tells a client when its next request is due.</summary>
internal interface IArrivals
{
    /// <summary>Waits until the client may send.</summary>
    /// <param name="client">The client's number.</param>
    /// <returns>The instant from which the request's latency counts, or <see cref="Over"/>.</returns>
    ValueTask<long> NextAsync(int client);

    /// <summary>No more requests.</summary>
    const long Over = -1;
}

/// <summary>Closed loop: the next request as soon as the last one is answered, until <paramref name="until"/>.</summary>
internal sealed class ClosedLoop(long until, CancellationToken cancellationToken) : IArrivals
{
    /// <inheritdoc/>
    public ValueTask<long> NextAsync(int client)
    {
        var now = Stopwatch.GetTimestamp();
        return new(now < until && !cancellationToken.IsCancellationRequested ? now : IArrivals.Over);
    }
}
