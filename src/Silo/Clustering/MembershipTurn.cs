namespace GrainDb.Silo.Clustering;

/// <summary>
/// Silos that start or stop together write their status one after the other. The table would be right without it: of two writes on one
/// version one fails. But Orleans repeats a failed one only after 2 to 4 seconds, so a cluster that is started or stopped as a whole would
/// take that long for each collision. A turn is a courtesy: whoever does not get it within <see cref="Patience"/> goes on without.
/// </summary>
public sealed partial class MembershipTurn(string directory, TimeProvider time, ILogger<MembershipTurn> logger)
    : ILifecycleParticipant<ISiloLifecycle>, IDisposable
{
    /// <summary>Longer than a few silos take that go before.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private FileLock? _turn;

    public void Participate(ISiloLifecycle lifecycle)
    {
        ArgumentNullException.ThrowIfNull(lifecycle);

        // Joining is written at AfterRuntimeGrainServices, Active at BecomeActive.
        lifecycle.Subscribe(nameof(MembershipTurn), ServiceLifecycleStage.AfterRuntimeGrainServices - 1, TakeAsync, Nothing);
        lifecycle.Subscribe(nameof(MembershipTurn), ServiceLifecycleStage.Active, Release, TakeAsync);

        // Stages stop in the opposite order: ShuttingDown at BecomeActive, Dead right above RuntimeInitialize.
        lifecycle.Subscribe(nameof(MembershipTurn), ServiceLifecycleStage.BecomeActive - 1, Nothing, Release);
        lifecycle.Subscribe(nameof(MembershipTurn), ServiceLifecycleStage.RuntimeInitialize + 2, Nothing, TakeAsync);
        lifecycle.Subscribe(nameof(MembershipTurn), ServiceLifecycleStage.RuntimeInitialize, Nothing, Release);
    }

    public void Dispose() => _turn?.Dispose();

    private static Task Nothing(CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task TakeAsync(CancellationToken cancellationToken)
    {
        try
        {
            _turn ??= await FileLock.TakeAsync(Path.Combine(directory, "turn.lock"), Patience, time);
        }
        catch (Exception exception) when (exception is TimeoutException or IOException or UnauthorizedAccessException)
        {
            LogNoTurn(exception.Message);
        }
    }

    private Task Release(CancellationToken cancellationToken)
    {
        _turn?.Dispose();
        _turn = null;
        return Task.CompletedTask;
    }

    [LoggerMessage(EventId = 9003, Level = LogLevel.Debug, Message = "Goes on without a turn: {Reason}")]
    private partial void LogNoTurn(string reason);
}
