using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Placement;
using GrainDb.Interfaces.Ranges;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime.Placement;

namespace GrainDb.Cluster.Tests.Placement;

public sealed class PinnedGrainTests
{
    [Fact]
    public async Task A_replica_s_grain_is_placed_on_its_node_or_nowhere()
    {
        using var directory = new TestDirectory();
        await using var cluster = await GrainDbCluster.StartAsync(directory, [1, 1, 1], new StorageOptions());
        var silos = cluster.Silos;
        var director = cluster.Service<IServiceProvider>(0).GetRequiredKeyedService<IPlacementDirector>(typeof(RingPlacementStrategy));
        Task<SiloAddress> PlaceAsync(string type, string key, SiloAddress? hint = null) => director.OnAddActivation(
            new RingPlacementStrategy(),
            new PlacementTarget(
                GrainId.Create(type, key), hint is null ? [] : new Dictionary<string, object> { [IPlacementDirector.PlacementHintKey] = hint }, default, 0),
            new EverySilo(silos.Values));

        foreach (var type in new[] { "graindb-replica", "graindb-leader", "graindb-node" })
        {
            foreach (var (node, silo) in silos)
                Assert.Equal(silo, await PlaceAsync(type, type != "graindb-node" ? new ReplicaKey(new RangeId(7), node).ToString() : node, hint: silos["Silo_2"]));
        }

        var down = await Assert.ThrowsAsync<PlacementUnavailableException>(() => PlaceAsync("graindb-replica", "7@Silo_9"));
        Assert.Equal("node Silo_9 is down", down.Message);
        foreach (var wrong in new[] { "7", "@Silo_0", "7@", "x@Silo_0", "-7@Silo_0", "7 @Silo_0" })
            await Assert.ThrowsAsync<PlacementUnavailableException>(() => PlaceAsync("graindb-replica", wrong));
    }

    [Theory]
    [InlineData("7@node1", 7, "node1")]
    [InlineData("0@a.b-c_D", 0, "a.b-c_D")]
    public void A_key_names_range_and_node(string key, long range, string node)
    {
        Assert.Equal(new ReplicaKey(new RangeId(range), node), ReplicaKey.Parse(key));
        Assert.Equal(key, new ReplicaKey(new RangeId(range), node).ToString());
    }

    private sealed class EverySilo(IEnumerable<SiloAddress> silos) : IPlacementContext
    {
        public SiloAddress LocalSilo => silos.First();

        public SiloStatus LocalSiloStatus => SiloStatus.Active;

        public SiloAddress[] GetCompatibleSilos(PlacementTarget target) => [.. silos];

        public IReadOnlyDictionary<ushort, SiloAddress[]> GetCompatibleSilosWithVersions(PlacementTarget target) =>
            throw new NotSupportedException("versions play no part");
    }
}
