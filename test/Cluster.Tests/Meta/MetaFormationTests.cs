using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Engine.Wal;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Cluster.Tests.Meta;

public sealed class MetaFormationTests
{
    [Fact]
    public async Task The_first_node_s_replica_alone_begins_with_the_configuration_of_all()
    {
        using var directory = new TestDirectory();
        await using (await GrainDbCluster.StartAsync(directory, [1, 1, 1], new StorageOptions()))
        {
            // Its end is what matters: the files that it leaves.
        }

        ReplicaManifest.Entry[] replicas = [.. Enumerable.Range(0, 3).Select(node => MetaReplica(directory, node))];
        var voters = replicas[0].Initial.Voters;
        Assert.Equal(["Silo_0", "Silo_1", "Silo_2"], voters.Select(voter => voter.Node));
        Assert.Equal(replicas.Select(replica => replica.Id), voters.Select(voter => voter.Id));
        Assert.All(replicas[1..], replica => Assert.Equal(RangeConfiguration.Unknown, replica.Initial));
        for (var node = 0; node < 3; node++)
            Assert.Equal(voters, MetaRangeFile.Load(new NativeFileSystem(), NodeDirectory(directory, node))!.MetaRange.Replicas);
    }

    private static ReplicaManifest.Entry MetaReplica(TestDirectory directory, int node) =>
        ReplicaManifest.Load(new NativeFileSystem(), NodeDirectory(directory, node)).Find(RangeId.Meta)!;

    private static string NodeDirectory(TestDirectory directory, int node) => Path.Combine(directory.Path, $"Silo_{node}");
}
