using GrainDb.Grains.Hosting;
using Microsoft.Extensions.Logging;

namespace GrainDb.Cluster.Tests.Hosting;

public sealed class BackgroundLoopTests : IDisposable
{
    private const int Died = 1090;

    private readonly EventLog _log = new();

    public void Dispose() => _log.Dispose();

    [Fact]
    public async Task ALoopThatEndsByAnErrorSaysSo()
    {
        using var loop = new Loop(_log, _ => throw new InvalidOperationException("no reason"));
        var lifecycle = new Lifecycle(loop);

        await lifecycle.StartAsync();
        await lifecycle.StopAsync(); // waits for it

        Assert.True(_log.Has(Died, nameof(Loop), "no reason"), _log.ToString());
    }

    [Fact]
    public async Task ACancellationOfSomethingElseIsAnErrorToo()
    {
        using var loop = new Loop(_log, _ => throw new TaskCanceledException("a call that was given up"));
        var lifecycle = new Lifecycle(loop);

        await lifecycle.StartAsync();
        await lifecycle.StopAsync();

        Assert.True(_log.Has(Died, nameof(Loop), "a call that was given up"), _log.ToString());
    }

    [Fact]
    public async Task ALoopThatIsStoppedSaysNothing()
    {
        using var loop = new Loop(_log, stopping => Task.Delay(Timeout.Infinite, stopping));
        var lifecycle = new Lifecycle(loop);

        await lifecycle.StartAsync();
        await loop.Running.Task;
        await lifecycle.StopAsync();

        Assert.False(_log.Has(Died), _log.ToString());
    }

    private sealed class Loop(EventLog log, Func<CancellationToken, Task> run) : BackgroundLoop
    {
        public TaskCompletionSource Running { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        protected override ILogger Logger { get; } = log.CreateLogger("GrainDb.Tests");

        protected override async Task RunAsync(CancellationToken stopping)
        {
            try
            {
                await run(stopping);
            }
            finally
            {
                Running.TrySetResult();
            }
        }
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
            return new CancellationTokenSource();
        }

        public Task StartAsync() => _observer!.OnStart(CancellationToken.None);

        public Task StopAsync() => _observer!.OnStop(CancellationToken.None);
    }
}
