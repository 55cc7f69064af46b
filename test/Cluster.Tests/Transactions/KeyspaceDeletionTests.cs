using GrainDb.Cluster.Tests.Faults;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Ranges;

namespace GrainDb.Cluster.Tests.Transactions;

/// <summary>A keyspace goes whose ranges have decided transactions for others.</summary>
public sealed class KeyspaceDeletionTests : IAsyncLifetime
{
    private readonly TestDirectory _directory = new();
    private readonly Network _network = new();
    private GrainDbCluster _cluster = null!;

    public async ValueTask InitializeAsync() => _cluster = await GrainDbCluster.StartAsync(_directory, [1, 1, 1], new StorageOptions(), _network, buriesFast: true);

    public async ValueTask DisposeAsync()
    {
        await _cluster.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task What_the_others_have_not_heard_of_is_carried_out_there_first()
    {
        var anchor = await TransactionClient.CreateAsync(_cluster, "anchor");
        var other = await TransactionClient.CreateAsync(_cluster, "other");
        await anchor.PutAsync(0, "a", "before");
        await other.PutAsync(0, "a", "before");

        // A node that leads neither prefers none as the anchor, and takes the first; of the commit it tells nobody.
        string[] leaders = [await anchor.LeaderOfAsync("a"), await other.LeaderOfAsync("a")];
        var node = Enumerable.Range(0, 3).First(node => !leaders.Contains($"Silo_{node}"));
        _cluster.Service<GatedDecisions>(node).KeepsResolutions = true;
        var transaction = await anchor.BeginAsync(node);
        await anchor.WriteAsync(node, transaction, "a", "after");
        await other.WriteAsync(node, transaction, "a", "after");
        Assert.Null((await anchor.CommitAsync(node, transaction)).Failure);
        Assert.Equal((1, 1), Open());

        await _cluster.Keyspaces(0).DeleteAsync("anchor", TestContext.Current.CancellationToken);

        Assert.Equal((0, 0), Open());
        Assert.Equal("after", await other.GetAsync(0, "a"));
    }

    /// <summary>Intents, and commits that are not settled, of all leaders.</summary>
    private (int Undecided, int Unsettled) Open()
    {
        var leaders = Enumerable.Range(0, 3).SelectMany(node => _cluster.Service<LocalRanges>(node).All).ToList();
        return (leaders.Sum(leader => leader.UndecidedTransactions), leaders.Sum(leader => leader.UnsettledTransactions));
    }
}
