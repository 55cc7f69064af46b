using GrainDb.Engine.Wal;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Cluster.Tests.Hosting;

public sealed class NodeStorageTests : IDisposable
{
    private static readonly string[] Bootstrap = ["node1", "node2", "node3"];
    private static readonly RangeId Range = new(7);
    private static readonly Guid Replica = Guid.NewGuid();
    private static readonly Guid Other = Guid.NewGuid();
    private static readonly RangeConfiguration Voters = new([new("node1", Replica)], []);

    private readonly TestDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private Task<StorageRig> StartAsync(string node = "node1") => StorageRig.StartAsync(_directory, node, Bootstrap);

    private static ReplicaCreation Plan(StorageRig node, Guid replica) => new(node.Storage.Identity.Incarnation, [new(Range, replica, Voters)]);

    private string DirectoryOfRange => Path.Combine(_directory.Path, "node1", "ranges", Range.ToString());

    [Fact]
    public async Task A_plan_for_the_directory_that_was_there_before_is_refused()
    {
        await using var node = await StartAsync();
        var refused = node.Storage.CreateReplicas(new ReplicaCreation(Guid.NewGuid(), [new(Range, Replica, Voters)]));
        Assert.Contains("was replaced", refused?.Detail, StringComparison.Ordinal);
        Assert.Null(node.Storage.FindReplica(Range));
        Assert.Null(node.Storage.CreateReplicas(Plan(node, Replica)));
        Assert.Equal(Replica, node.Storage.FindReplica(Range)?.Id);
    }

    [Fact]
    public async Task A_removal_takes_the_named_replica_and_no_other()
    {
        await using var node = await StartAsync();
        Assert.Null(node.Storage.CreateReplicas(Plan(node, Replica)));

        Assert.False(node.Storage.BuryReplica(Range, Other));
        Assert.Equal(Replica, node.Storage.FindReplica(Range)?.Id);
        Assert.True(Directory.Exists(DirectoryOfRange));

        Assert.True(node.Storage.BuryReplica(Range, Replica));
        node.Storage.DeleteReplica(Range, Replica);
        Assert.Null(node.Storage.FindReplica(Range));
        Assert.False(Directory.Exists(DirectoryOfRange));
        Assert.NotNull(node.Storage.CreateReplicas(Plan(node, Replica)));
    }

    [Fact]
    public async Task The_promise_of_a_replica_that_is_not_open_is_known_as_long_as_it_can_be_read()
    {
        await using var node = await StartAsync();
        Assert.Equal(Epoch.Zero, node.Storage.FindPromisedEpoch(Range));
        Assert.Null(node.Storage.CreateReplicas(Plan(node, Replica)));
        Assert.Equal(Epoch.Zero, node.Storage.FindPromisedEpoch(Range));
        using (var replica = node.Storage.OpenReplica(Range))
            replica.WritePromise(replica.Promise with { PromisedEpoch = new Epoch(5), PromisedNode = "node2" });
        Assert.Equal(new Epoch(5), node.Storage.FindPromisedEpoch(Range));

        foreach (var slot in Directory.GetFiles(DirectoryOfRange, "hard-state-*"))
            await File.WriteAllBytesAsync(slot, new byte[4096], TestContext.Current.CancellationToken);
        Assert.Equal(Epoch.Zero, node.Storage.FindPromisedEpoch(Range));
    }

    [Fact]
    public async Task A_start_finishes_a_removal()
    {
        await using (var node = await StartAsync())
            Assert.Null(node.Storage.CreateReplicas(Plan(node, Replica)));
        await File.WriteAllTextAsync(Path.Combine(DirectoryOfRange, "some.log"), "x", TestContext.Current.CancellationToken);
        ReplicaManifest.Load(new NativeFileSystem(), Path.Combine(_directory.Path, "node1")).Bury(Range, Replica);

        await using var again = await StartAsync();
        Assert.Null(again.Storage.FindReplica(Range));
        Assert.False(Directory.Exists(DirectoryOfRange));
    }

    [Fact]
    public async Task A_replica_of_the_meta_range_is_given_to_one_asker_for_good()
    {
        Guid given;
        await using (var node = await StartAsync("node2"))
        {
            given = node.Storage.OfferMetaReplica(Replica).Replica!.Value;
            Assert.Equal(given, node.Storage.FindReplica(RangeId.Meta)!.Id);
            Assert.Null(node.Storage.OfferMetaReplica(Other).Replica);
        }

        await using var again = await StartAsync("node2");
        Assert.Equal(given, again.Storage.OfferMetaReplica(Replica).Replica);
        Assert.Contains($"to {Replica}, not to {Other}", again.Storage.OfferMetaReplica(Other).Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_of_a_database_gives_no_replica_away()
    {
        await using var node = await StartAsync("node2");
        node.Storage.JoinDatabase(Guid.NewGuid());
        Assert.Contains("belongs to database", node.Storage.OfferMetaReplica(Replica).Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_bootstrap_nodes_make_a_replica_of_the_meta_range_and_keep_it()
    {
        await using var stranger = await StartAsync("node9");
        Assert.Null(stranger.Storage.FindReplica(RangeId.Meta));
        Guid id;
        await using (var node = await StartAsync())
        {
            var own = node.Storage.FindReplica(RangeId.Meta)!;
            Assert.Equal(RangeConfiguration.Unknown, own.Initial);
            id = own.Id;
        }

        await using var again = await StartAsync();
        Assert.Equal(id, again.Storage.FindReplica(RangeId.Meta)!.Id);
    }

    [Fact]
    public async Task The_newest_place_of_the_meta_range_is_remembered()
    {
        var formed = new RangeDescriptor(RangeId.Meta, "system.meta", [], null, Generation: 1, [new("node1", Replica)]);
        await using (var node = await StartAsync())
        {
            Assert.Equal(Bootstrap, node.Storage.MetaRange.Nodes);
            node.Storage.RememberMetaRange(formed, default, database: null);
            node.Storage.RememberMetaRange(formed with { Replicas = [new("node4", Other)] }, new Timestamp(3), database: null);
            node.Storage.RememberMetaRange(formed with { Replicas = [new("node5", Other)] }, new Timestamp(2), database: null); // who missed the last change says so
        }

        await using var again = await StartAsync();
        Assert.Equal((3UL, "node4"), (again.Storage.MetaPlace.AsOf, again.Storage.MetaRange.Nodes.Single()));
        again.Storage.RememberMetaRange(formed with { Replicas = [new("node4", Replica)] }, new Timestamp(4), database: null); // the generation is the same
        Assert.Equal(Replica, again.Storage.MetaRange.Replicas.Single().Id);
    }

    [Fact]
    public async Task A_node_of_a_database_takes_the_place_of_the_meta_range_from_its_own_only()
    {
        var (own, foreign) = (Guid.NewGuid(), Guid.NewGuid());
        var formed = new RangeDescriptor(RangeId.Meta, "system.meta", [], null, Generation: 1, [new("node1", Replica)]);
        await using (var node = await StartAsync())
        {
            node.Storage.RememberMetaRange(formed, default, database: null);
            node.Storage.JoinDatabase(own);
            node.Storage.RememberMetaRange(formed with { Replicas = [new("node8", Other)] }, new Timestamp(9), foreign);
            node.Storage.RememberMetaRange(formed with { Replicas = [new("node9", Other)] }, new Timestamp(9), database: null);
            Assert.Equal("node1", node.Storage.MetaRange.Nodes.Single());
        }

        await using var again = await StartAsync();
        Assert.Equal((0UL, "node1"), (again.Storage.MetaPlace.AsOf, again.Storage.MetaRange.Nodes.Single()));
        again.Storage.RememberMetaRange(formed with { Replicas = [new("node4", Other)] }, new Timestamp(3), own);
        Assert.Equal("node4", again.Storage.MetaRange.Nodes.Single());
    }

    [Fact]
    public async Task A_place_of_the_meta_range_that_could_not_be_saved_is_kept_when_it_is_said_again()
    {
        await using var node = await StartAsync();
        var file = Path.Combine(_directory.Path, "node1", "meta.json");
        Directory.CreateDirectory(file); // nothing can take its place
        var formed = new RangeDescriptor(RangeId.Meta, "system.meta", [], null, Generation: 1, [new("node4", Replica)]);

        node.Storage.RememberMetaRange(formed, new Timestamp(3), database: null);
        Assert.Equal(Bootstrap, node.Storage.MetaRange.Nodes);
        Directory.Delete(file);
        node.Storage.RememberMetaRange(formed, new Timestamp(3), database: null);

        Assert.Equal(Replica, MetaRangeFile.Load(new NativeFileSystem(), Path.Combine(_directory.Path, "node1"))!.MetaRange.Replicas.Single().Id);
    }

    [Fact]
    public async Task A_place_of_the_meta_range_that_was_written_without_a_version_is_read()
    {
        await using (await StartAsync())
        {
            // Its directory is what matters.
        }

        var formed = new RangeDescriptor(RangeId.Meta, "system.meta", [], null, Generation: 1, [new("node1", Replica)]);
        await File.WriteAllBytesAsync(Path.Combine(_directory.Path, "node1", "meta.json"), MetaRows.Encode(formed), TestContext.Current.CancellationToken);

        await using var node = await StartAsync();
        Assert.Equal((0UL, Replica), (node.Storage.MetaPlace.AsOf, node.Storage.MetaRange.Replicas.Single().Id));
    }

    [Fact]
    public async Task An_even_number_of_bootstrap_nodes_is_refused()
    {
        var refused = await Assert.ThrowsAsync<NodeStartException>(() => StorageRig.StartAsync(_directory, "node1", "node1", "node2"));
        Assert.Equal("node node1: 2 bootstrap nodes: must be an odd number, at most 7", refused.Message);
    }
}
