namespace GrainDb.Grains.Hosting;

/// <summary>Work that blocks for seconds, and so must not take one of the pool's few threads (<see cref="DiskThreads"/>).</summary>
internal static class OwnThread
{
    /// <summary>Runs it on a thread of its own; the result and exceptions are its.</summary>
    public static Task<T> RunAsync<T>(Func<T> work) => Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
