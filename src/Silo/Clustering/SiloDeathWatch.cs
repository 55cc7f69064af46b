namespace GrainDb.Silo.Clustering;

/// <summary>
/// Looks every <see cref="Interval"/> whether the process of a member is gone, and tells Orleans at once. Without it a killed process is
/// noticed by the next probe that fails or the next refresh of the table, seconds later.
/// </summary>
public sealed partial class SiloDeathWatch(
    SiloLiveness liveness,
    ILocalSiloDetails self,
    IClusterMembershipService membership,
    TimeProvider time,
    ILogger<SiloDeathWatch> logger) : ILifecycleParticipant<ISiloLifecycle>, IDisposable
{
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private readonly CancellationTokenSource _stopped = new();
    private Task _watching = Task.CompletedTask;

    public void Participate(ISiloLifecycle lifecycle)
    {
        ArgumentNullException.ThrowIfNull(lifecycle);
        lifecycle.Subscribe(nameof(SiloDeathWatch), ServiceLifecycleStage.Active, Start, StopAsync);
    }

    public void Dispose() => _stopped.Dispose();

    private Task Start(CancellationToken cancellationToken)
    {
        _watching = Task.Run(WatchAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    private async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopped.CancelAsync();
        await _watching.WaitAsync(cancellationToken);
    }

    private async Task WatchAsync()
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stopped.Token))
                await LookAsync();
        }
        catch (OperationCanceledException) when (_stopped.IsCancellationRequested)
        {
            // The silo stops.
        }
    }

    private async Task LookAsync()
    {
        try
        {
            var gone = membership.CurrentSnapshot.Members.Values.Any(member =>
                member.Status != SiloStatus.Dead && !member.SiloAddress.Equals(self.SiloAddress) && !liveness.IsRunning(member.SiloAddress));
            if (gone)
                await membership.Refresh(default, _stopped.Token); // the table buries whom it finds gone
        }
        catch (Exception exception) when (exception is IOException or TimeoutException or UnauthorizedAccessException)
        {
            LogCannotLook(exception); // probes and the table's own refresh go on
        }
    }

    [LoggerMessage(EventId = 9002, Level = LogLevel.Warning, Message = "Cannot look for processes that are gone")]
    private partial void LogCannotLook(Exception exception);
}
