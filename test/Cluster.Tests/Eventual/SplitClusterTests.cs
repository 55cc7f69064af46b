using GrainDb.Cluster.Tests.Faults;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Grains.Hosting;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Cluster.Tests.Eventual;

/// <summary>Both sides of a cut write, and a node loses all that it had.</summary>
public sealed class SplitClusterTests : IAsyncLifetime
{
    private const int Keys = 100;

    private readonly TestDirectory _directory = new();
    private readonly Network _network = new();
    private GrainDbCluster _cluster = null!;

    public async ValueTask InitializeAsync() => _cluster = await GrainDbCluster.StartAsync(_directory, [1, 1, 1], new StorageOptions(), _network, buriesFast: false);

    public async ValueTask DisposeAsync()
    {
        _network.Heal();
        await _cluster.DisposeAsync();
        _directory.Dispose();
    }

    [Theory]
    [InlineData(ConflictPolicy.Siblings)]
    [InlineData(ConflictPolicy.LastWriterWins)]
    public async Task What_both_sides_of_a_cut_wrote_is_there_after_it_or_in_the_list_of_conflicts(ConflictPolicy policy)
    {
        var client = await _cluster.CreateEventualAsync("both", policy);
        for (var i = 0; i < Keys; i++)
            Assert.Null((await client.PutAsync(i % 3, $"k{i}", "before", EventualLevel.All)).Failure);
        _network.Isolate("Silo_2", _cluster.Silos.Keys, CutKind.BlackHole);
        await Task.WhenAll(Enumerable.Range(0, Keys).Select(async i =>
        {
            var context = (await client.GetAsync(0, $"k{i}", EventualLevel.One)).Context;
            Assert.Null((await client.PutAsync(2, $"k{i}", "right", EventualLevel.One, context)).Failure);
            Assert.Null((await client.PutAsync(0, $"k{i}", "left", EventualLevel.One, context)).Failure);
        }));
        _network.Heal();
        await _cluster.UntilAgreedAsync("both");
        for (var node = 0; node < 3; node++)
        {
            for (var i = 0; i < Keys; i++)
            {
                var values = await client.ValuesAsync(node, $"k{i}", EventualLevel.One);
                Assert.Equal(policy == ConflictPolicy.Siblings ? ["left", "right"] : ["left"], values);
            }
        }

        if (policy == ConflictPolicy.Siblings)
        {
            for (var i = 0; i < Keys; i++)
                Assert.Null((await client.PutAsync(1, $"k{i}", "after", EventualLevel.All, (await client.GetAsync(2, $"k{i}")).Context)).Failure);
            for (var i = 0; i < Keys; i++)
                Assert.Equal(["after"], await client.ValuesAsync(2, $"k{i}", EventualLevel.One));
        }

        Assert.Equal(Keys, (await AllConflictsAsync(client)).Select(conflict => Convert.ToHexString(conflict.Key.Span)).Distinct().Count());
    }

    [Fact]
    public async Task A_node_that_lost_its_disk_is_rebuilt_without_false_siblings_and_without_what_was_deleted()
    {
        var client = await _cluster.CreateEventualAsync("wiped", ConflictPolicy.Siblings);
        for (var i = 0; i < Keys; i++)
            Assert.Null((await client.PutAsync(i % 3, $"k{i}", $"v{i}", EventualLevel.All)).Failure);
        for (var i = 0; i < Keys; i += 4)
            Assert.Null((await client.DeleteAsync(i % 3, $"k{i}", EventualLevel.All)).Failure);
        _cluster.Crash(2);
        Assert.Null((await client.PutAsync(0, "k1", "w1", EventualLevel.Quorum, (await client.GetAsync(0, "k1")).Context)).Failure);
        Directory.Delete(Path.Combine(_directory.Path, "Silo_2"), recursive: true);
        await _cluster.RestartAsync(2);

        await _cluster.UntilAgreedAsync("wiped");
        await _cluster.UntilAgreedAsync("wiped", node: 1); // to which the killed node, whose code runs on in this process, may still have an open way
        var ranges = await _cluster.View(1).GetRangesAsync("wiped", unhealthyOnly: false, TestContext.Current.CancellationToken);
        Assert.All(ranges, range => Assert.Equal(2, range.Descriptor.Generation));
        Assert.All(ranges, range => Assert.All(range.Replicas, replica => Assert.Equal(ReplicaState.Member, replica.State)));
        for (var i = 0; i < Keys; i++)
            Assert.Equal(i % 4 == 0 ? [] : [i == 1 ? "w1" : $"v{i}"], await client.ValuesAsync(2, $"k{i}", EventualLevel.One));
        Assert.Null((await client.PutAsync(2, "k1", "x1", EventualLevel.All, (await client.GetAsync(2, "k1")).Context)).Failure);
        Assert.Equal(["x1"], await client.ValuesAsync(0, "k1", EventualLevel.One));
    }

    private static async Task<List<ConflictRecord>> AllConflictsAsync(EventualClient client)
    {
        List<ConflictRecord> all = [];
        ConflictPosition? after = null;
        do
        {
            var page = await client.ConflictsAsync(1, after, limit: 30);
            Assert.Null(page.Failure);
            Assert.Empty(page.Missing);
            all.AddRange(page.Conflicts);
            after = page.Next;
        }
        while (after is not null);
        Assert.Equal(all.Count, all.Select(conflict => (conflict.Winner, Convert.ToHexString(conflict.Key.Span))).Distinct().Count());
        return all;
    }
}
