using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Hosting;

/// <summary>Work that a node does beside serving, from the moment its silo is active until it stops.</summary>
internal abstract class BackgroundLoop : ILifecycleParticipant<ISiloLifecycle>, IDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private Task _running = Task.CompletedTask;

    /// <summary>When it runs: from the start of this stage to its stop.</summary>
    protected virtual int Stage => ServiceLifecycleStage.Active;

    public void Participate(ISiloLifecycle observer) => observer.Subscribe(GetType().Name, Stage, StartAsync, StopAsync);

    public void Dispose() => _stopping.Dispose();

    /// <summary>Who is told when it ends before its time.</summary>
    protected abstract ILogger Logger { get; }

    /// <summary>Runs until the token is cancelled; ending with its cancellation is the normal end.</summary>
    protected abstract Task RunAsync(CancellationToken stopping);

    /// <summary>Called once when the node begins to stop, before the token is cancelled.</summary>
    protected virtual void OnStopping()
    {
    }

    private Task StartAsync(CancellationToken cancellationToken)
    {
        _running = Task.Run(RunLoudlyAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    /// <summary>Nobody waits for a loop before the node stops: one that ended by itself would not be missed.</summary>
    private async Task RunLoudlyAsync()
    {
        try
        {
            await RunAsync(_stopping.Token);
        }
        catch (Exception exception) when (!_stopping.IsCancellationRequested)
        {
            BackgroundLoopLog.Died(Logger, exception, GetType().Name);
            throw;
        }
    }

    private async Task StopAsync(CancellationToken cancellationToken)
    {
        OnStopping();
        await _stopping.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
