using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Grains.Hosting;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Cluster.Tests.Transactions;

/// <summary>Two doctors are on call, in ranges of their own; each leaves if it sees the other one there, both at once.</summary>
public sealed class WriteSkewTests : IAsyncLifetime
{
    private const int Tries = 1_000;
    private const int AtOnce = 8;

    private readonly TestDirectory _directory = new();
    private GrainDbCluster _cluster = null!;
    private TransactionClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await GrainDbCluster.StartAsync(_directory, [1, 1, 1], new StorageOptions());
        _client = await TransactionClient.CreateAsync(_cluster, "doctors");
    }

    public async ValueTask DisposeAsync()
    {
        await _cluster.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task Serializable_transactions_never_skew() => Assert.Equal(0, await SkewsAsync(IsolationLevel.Serializable, Tries));

    /// <summary>It is permitted, and happens whenever both read before either commits.</summary>
    [Fact]
    public async Task Snapshots_do() => Assert.True(await SkewsAsync(IsolationLevel.Snapshot, AtOnce) > 0);

    private async Task<int> SkewsAsync(IsolationLevel isolation, int tries)
    {
        var skewed = 0;
        await Parallel.ForEachAsync(Enumerable.Range(0, tries), new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (number, _) =>
        {
            var (a, x) = ($"a-{number}", $"x-{number}");
            await _client.PutAsync(0, a, "on");
            await _client.PutAsync(0, x, "on");
            var (one, other) = (await _client.BeginAsync(0, isolation), await _client.BeginAsync(1, isolation));
            var seen = await Task.WhenAll(_client.ReadAsync(0, one, x), _client.ReadAsync(1, other, a));
            Assert.Equal(["on", "on"], seen);
            await _client.WriteAsync(0, one, a, "off");
            await _client.WriteAsync(1, other, x, "off");
            await Task.WhenAll(_client.CommitAsync(0, one), _client.CommitAsync(1, other));
            if (await _client.GetAsync(2, a) == "off" && await _client.GetAsync(2, x) == "off")
                Interlocked.Increment(ref skewed);
        });
        return skewed;
    }
}
