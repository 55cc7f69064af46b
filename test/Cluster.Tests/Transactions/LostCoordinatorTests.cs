using System.Diagnostics;
using GrainDb.Cluster.Tests.Faults;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Ranges;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Cluster.Tests.Transactions;

/// <summary>The coordinator's node is killed in the middle of a commit.</summary>
public sealed class LostCoordinatorTests : IAsyncLifetime
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(6);
    private static readonly string[] Keys = ["a", "k", "x"];

    private readonly TestDirectory _directory = new();
    private readonly Network _network = new();
    private GrainDbCluster _cluster = null!;
    private TransactionClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await GrainDbCluster.StartAsync(_directory, [1, 1, 1], new StorageOptions(), _network, buriesFast: true);
        _client = await TransactionClient.CreateAsync(_cluster, "lost");
        foreach (var key in Keys)
            await _client.PutAsync(0, key, "before");
    }

    public async ValueTask DisposeAsync()
    {
        _network.Heal();
        await _cluster.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task Between_prepare_and_decision_nothing_comes_of_its_transaction()
    {
        var gate = _cluster.Service<GatedDecisions>(2);
        gate.KeepsDecisions = true;
        var transaction = await CommitHalfAsync(gate);

        await AssertSoonAsync("before");
        await AssertFoundAsync(transaction, TransactionStatus.Aborted);
        await AssertNoIntentsAsync();
    }

    [Fact]
    public async Task Between_decision_and_resolution_all_of_its_transaction_is_there()
    {
        var gate = _cluster.Service<GatedDecisions>(2);
        gate.KeepsResolutions = true;
        var transaction = await CommitHalfAsync(gate);

        await AssertSoonAsync("after");
        await AssertFoundAsync(transaction, TransactionStatus.Committed);
        await AssertNoIntentsAsync();
    }

    [Fact]
    public async Task An_open_transaction_is_gone_with_its_node_and_had_no_effect()
    {
        var transaction = await _client.BeginAsync(2);
        await _client.WriteAsync(2, transaction, "a", "after");

        _cluster.Crash(2);

        await _cluster.UntilAsync(async () => (await _client.CommitAsync(0, transaction)).Failure is { Outcome: not Outcome.Applied });
        Assert.Equal("before", await _client.GetAsync(0, "a"));
        await _cluster.UntilAsync(async () => (await _client.FindAsync(1, transaction))!.Status == TransactionStatus.Aborted);
        Assert.Equal(TransactionStatus.Aborted, (await _client.FindAsync(0, transaction))!.Status);
    }

    /// <summary>Node 2 commits up to its closed gate, and is killed there.</summary>
    private async Task<TransactionId> CommitHalfAsync(GatedDecisions gate)
    {
        var transaction = await _client.BeginAsync(2);
        foreach (var key in Keys)
            await _client.WriteAsync(2, transaction, key, "after");
        _ = _client.CommitAsync(2, transaction);
        Assert.Equal(transaction, await gate.Came.WaitAsync(GrainDbCluster.Timeout, TestContext.Current.CancellationToken));
        _cluster.Crash(2);
        return transaction;
    }

    /// <summary>Readers through the other nodes see one state of all keys, soon.</summary>
    private async Task AssertSoonAsync(string expected)
    {
        var clock = Stopwatch.StartNew();
        var values = await Task.WhenAll(Keys.SelectMany(key => new[] { _client.GetAsync(0, key), _client.GetAsync(1, key) }));
        Assert.All(values, value => Assert.Equal(expected, value));
        Assert.True(clock.Elapsed < Soon, $"it took {clock.Elapsed}");
        Assert.Equal(Keys.Select(key => $"{key}={expected}"), await _client.ScanAsync(0, await _client.BeginAsync(0)));
    }

    private async Task AssertFoundAsync(TransactionId transaction, TransactionStatus status)
    {
        for (var node = 0; node < 2; node++)
        {
            var view = await _client.FindAsync(node, transaction);
            Assert.Equal(status, view!.Status);
        }

        var again = await _client.CommitAsync(1, transaction);
        Assert.Equal(status == TransactionStatus.Committed, again.Failure is null);
    }

    private Task AssertNoIntentsAsync() => _cluster.UntilAsync(() => Task.FromResult(
        Enumerable.Range(0, 2).All(node => _cluster.Service<LocalRanges>(node).All.All(leader => leader.UndecidedTransactions == 0))));
}
