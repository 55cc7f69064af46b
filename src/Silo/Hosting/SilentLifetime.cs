namespace GrainDb.Silo.Hosting;

/// <summary>Several hosts share one process, so none of them may own its signals; <see cref="ShutdownSignal"/> does.</summary>
public sealed class SilentLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
