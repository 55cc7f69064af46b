using GrainDb.Grains.Hosting;
using Microsoft.Extensions.Logging;

namespace GrainDb.Cluster.Tests.Hosting;

public sealed class BackgroundLoopTests
{
    private readonly Listener _listener = new();

    [Theory]
    [InlineData(typeof(InvalidOperationException))]
    [InlineData(typeof(TaskCanceledException))] // of a call that was given up, and not of the loop
    public async Task ALoopThatEndsByAnErrorSaysSo(Type kind)
    {
        var error = (Exception)Activator.CreateInstance(kind)!;
        using var loop = new Loop(_listener, _ => throw error);
        var lifecycle = new Lifecycle(loop);

        await lifecycle.StartAsync();
        var (id, level, text, exception) = await _listener.Heard.Task;
        await lifecycle.StopAsync();

        Assert.Equal((1090, LogLevel.Critical, error), (id, level, exception));
        Assert.Contains(nameof(Loop), text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ALoopThatIsStoppedSaysNothing()
    {
        using var loop = new Loop(_listener, stopping => Task.Delay(Timeout.Infinite, stopping));
        var lifecycle = new Lifecycle(loop);

        await lifecycle.StartAsync();
        await loop.Running.Task;
        await lifecycle.StopAsync();

        Assert.False(_listener.Heard.Task.IsCompleted);
    }

    private sealed class Loop(ILogger logger, Func<CancellationToken, Task> run) : BackgroundLoop
    {
        public TaskCompletionSource Running { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        protected override ILogger Logger => logger;

        protected override Task RunAsync(CancellationToken stopping)
        {
            Running.TrySetResult();
            return run(stopping);
        }
    }

    /// <summary>Completes with the first thing that is said.</summary>
    private sealed class Listener : ILogger
    {
        public TaskCompletionSource<(int Id, LogLevel Level, string Text, Exception? Exception)> Heard { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Heard.TrySetResult((eventId.Id, logLevel, formatter(state, exception), exception));
    }

    /// <summary>Of one participant.</summary>
    private sealed class Lifecycle : ISiloLifecycle
    {
        private ILifecycleObserver? _observer;

        public Lifecycle(BackgroundLoop loop) => loop.Participate(this);

        public int HighestCompletedStage => ServiceLifecycleStage.Last;

        public int LowestStoppedStage => ServiceLifecycleStage.First;

        public IDisposable Subscribe(string observerName, int stage, ILifecycleObserver observer)
        {
            _observer = observer;
            return new MemoryStream();
        }

        public Task StartAsync() => _observer!.OnStart(CancellationToken.None);

        public Task StopAsync() => _observer!.OnStop(CancellationToken.None);
    }
}
