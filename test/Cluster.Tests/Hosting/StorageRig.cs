using GrainDb.Engine.Time;
using GrainDb.Engine.Wal;
using GrainDb.Grains.Hosting;
using Microsoft.Extensions.Logging.Abstractions;

namespace GrainDb.Cluster.Tests.Hosting;

/// <summary>The storage of one node without a silo: started and stopped as a silo would.</summary>
internal sealed class StorageRig : ISiloLifecycle, IAsyncDisposable
{
    private ILifecycleObserver? _storageLifecycle;

    private StorageRig(NodeOptions node) => Storage = new NodeStorage(
        node,
        new StorageOptions(),
        new NativeFileSystem(),
        new HybridLogicalClock(TimeProvider.System, HybridLogicalClock.DefaultMaxOffset),
        NullLogger<NodeStorage>.Instance);

    public NodeStorage Storage { get; }

    public int HighestCompletedStage => 0;

    public int LowestStoppedStage => int.MaxValue;

    public static async Task<StorageRig> StartAsync(TestDirectory directory, string node, params string[] bootstrap)
    {
        var rig = new StorageRig(new NodeOptions { Name = node, DataDirectory = Path.Combine(directory.Path, node), BootstrapNodes = bootstrap });
        rig.Storage.Participate(rig);
        await rig._storageLifecycle!.OnStart(TestContext.Current.CancellationToken);
        return rig;
    }

    public IDisposable Subscribe(string observerName, int stage, ILifecycleObserver observer)
    {
        _storageLifecycle = observer;
        return new MemoryStream();
    }

    public async ValueTask DisposeAsync() => await _storageLifecycle!.OnStop(CancellationToken.None);
}
