using GrainDb.Cluster.Tests.Eventual;
using GrainDb.Cluster.Tests.Replication;
using GrainDb.Engine.Wal;
using GrainDb.Grains.Hosting;
using GrainDb.Interfaces.Eventual;

namespace GrainDb.Cluster.Tests.Hosting;

/// <summary>Due checkpoints that would take days at their pace are in nobody's way.</summary>
public sealed class SlowCheckpointTests : IAsyncLifetime
{
    private readonly TestDirectory _directory = new();
    private GrainDbCluster _cluster = null!;

    private static CancellationToken CancellationToken => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _cluster = await GrainDbCluster.StartAsync(_directory, [1], new StorageOptions
    {
        CheckpointBytesPerSecond = 1,
        MaintenanceInterval = TimeSpan.FromMilliseconds(20),
        Wal = WalOptions.Default with { MinCheckpointBytes = 1 << 20 },
    });

    public async ValueTask DisposeAsync()
    {
        await _cluster.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task AnOperatorsCheckpointIsWrittenBehindIt()
    {
        await WriteUntilOneIsBeingWrittenAsync("default", key => _cluster.PutAsync(0, "default", key, Value));
        var range = await WatchedRange.FindAsync(_cluster, "default");

        await _cluster.View(0).CheckpointAsync(range.Id, CancellationToken);

        Assert.False(range.Host(0).FindOpen(range.Id)!.Replica.HasChanges);
    }

    [Fact]
    public async Task ANodeThatStopsWritesItsOwnInstead()
    {
        await WriteUntilOneIsBeingWrittenAsync("default", key => _cluster.PutAsync(0, "default", key, Value));

        await _cluster.StopAsync(0);

        Assert.Empty(Unfinished());
        Assert.NotEmpty(Files("*.ckpt"));
    }

    [Fact]
    public async Task AKeyspaceIsDeletedUnderIt()
    {
        var client = await _cluster.CreateEventualAsync("counts", ConflictPolicy.LastWriterWins, partitions: 1);
        await WriteUntilOneIsBeingWrittenAsync("counts", key => client.PutAsync(0, key, Value));

        await _cluster.Keyspaces(0).DeleteAsync("counts", CancellationToken);

        await _cluster.UntilAsync(() => Task.FromResult(Unfinished().Length == 0));
    }

    private static string Value { get; } = new('v', 60_000);

    private string[] Files(string pattern) => Directory.GetFiles(_directory.Path, pattern, SearchOption.AllDirectories);

    private string[] Unfinished() => Files("*.ckpt.tmp");

    private async Task WriteUntilOneIsBeingWrittenAsync(string keyspace, Func<string, Task> put)
    {
        for (var i = 0; Unfinished().Length == 0; i++)
        {
            Assert.True(i < 2000, $"no checkpoint of {keyspace} begins");
            await put($"k{i}");
        }
    }
}
