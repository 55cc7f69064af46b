using System.Text;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Grains.Hosting;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Cluster.Tests.Keys;

public sealed class KeysOverGrainsTests
{
    [Fact]
    public async Task What_one_node_writes_every_node_reads()
    {
        using var directory = new TestDirectory();
        await using var cluster = await GrainDbCluster.StartAsync(directory, [1, 1, 1], new StorageOptions());

        for (var node = 0; node < 3; node++)
        {
            var written = await cluster.PutAsync(node, "default", $"key-{node}", $"value-{node}");
            Assert.Null(written.Failure);
            for (var reader = 0; reader < 3; reader++)
            {
                var read = await cluster.GetAsync(reader, "default", $"key-{node}");
                Assert.Null(read.Failure);
                Assert.True(read.Found);
                Assert.Equal(written.Version, read.Version);
                Assert.Equal($"value-{node}", Encoding.UTF8.GetString(read.Value.Span));
            }
        }
    }

    [Theory]
    [InlineData(ReadLevel.Session)]
    [InlineData(ReadLevel.Bounded)]
    public async Task A_session_sees_its_own_writes_and_a_bound_of_nothing_the_newest_through_every_node(ReadLevel level)
    {
        using var directory = new TestDirectory();
        await using var cluster = await GrainDbCluster.StartAsync(directory, [1, 1, 1], new StorageOptions());
        for (var round = 0; round < 30; round++)
        {
            var written = await cluster.PutAsync(round % 3, "default", "key", $"value-{round}");
            for (var reader = 0; reader < 3; reader++)
            {
                var read = await cluster.GetAsync(reader, "default", "key", consistency: new ReadConsistency(level, TimeSpan.Zero, written.Version, LocalOnly: false));
                Assert.Null(read.Failure);
                Assert.Equal(written.Version, read.Version);
            }
        }
    }

    [Fact]
    public async Task A_restart_finds_everything_with_its_versions()
    {
        using var directory = new TestDirectory();
        var versions = new List<Timestamp>();
        await using (var cluster = await GrainDbCluster.StartAsync(directory, [1, 1, 1], new StorageOptions()))
        {
            for (var i = 0; i < 100; i++)
                versions.Add((await cluster.PutAsync(i % 3, "default", $"key-{i}", $"value-{i}")).Version);
        }

        await using (var cluster = await GrainDbCluster.StartAsync(directory, [1, 1, 1], new StorageOptions()))
        {
            for (var i = 0; i < 100; i++)
            {
                var read = await cluster.GetAsync(i % 3, "default", $"key-{i}");
                Assert.Equal(versions[i], read.Version);
                Assert.Equal($"value-{i}", Encoding.UTF8.GetString(read.Value.Span));
            }
        }
    }

    [Fact]
    public async Task Of_racing_conditional_writes_exactly_one_wins_each_round()
    {
        using var directory = new TestDirectory();
        await using var cluster = await GrainDbCluster.StartAsync(directory, [1, 1, 1], new StorageOptions());
        var current = (await cluster.PutAsync(0, "default", "hot", "0")).Version;

        for (var round = 0; round < 50; round++)
        {
            var expected = new WriteCondition(ConditionKind.VersionEquals, current);
            var attempts = await Task.WhenAll(Enumerable.Range(0, 16).Select(client => cluster.PutAsync(client % 3, "default", "hot", $"{client}", expected)));
            var winner = Assert.Single(attempts, attempt => attempt.Failure is null);
            Assert.All(attempts.Where(attempt => attempt.Failure is not null), attempt =>
            {
                Assert.Equal(ErrorCode.VersionMismatch, attempt.Failure!.Code);
                Assert.Equal(winner.Version, attempt.Failure.CurrentVersion);
            });
            current = winner.Version;
        }
    }
}
