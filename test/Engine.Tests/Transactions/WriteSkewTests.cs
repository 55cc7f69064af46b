using GrainDb.Engine.Tests.Transactions.Model;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Transactions;

/// <summary>Two doctors are on call; each leaves if it sees the other one there. At least one must stay.</summary>
public sealed class WriteSkewTests
{
    private const int Tries = 1_000;

    [Fact]
    public void Serializable_transactions_never_skew() => Assert.DoesNotContain(Enumerable.Range(1, Tries), seed => Skews(seed, IsolationLevel.Serializable, CoordinatorFaults.None));

    [Fact]
    public void Snapshots_do() => Assert.Contains(Enumerable.Range(1, Tries), seed => Skews(seed, IsolationLevel.Snapshot, CoordinatorFaults.None));

    [Fact]
    public void Reads_that_are_not_validated_are_noticed() =>
        Assert.Contains(Enumerable.Range(1, Tries), seed => Skews(seed, IsolationLevel.Serializable, CoordinatorFaults.NoReadValidation));

    private static bool Skews(int seed, IsolationLevel isolation, CoordinatorFaults faults)
    {
        var cluster = new ModelCluster(seed, faults, TimeSpan.FromMilliseconds(50));
        cluster.Put("ordered", "a", "on");
        cluster.Put("ordered", "x", "on");
        var running = 2;
        var random = cluster.World.NewRandom("doctors");
        foreach (var (own, other) in new[] { ("a", "x"), ("x", "a") })
        {
            var node = cluster.NewNode("doctor-" + own);
            var delay = TimeSpan.FromMilliseconds(random.NextDouble() * 3);
            cluster.World.Schedule(delay, node.Process, () => _ = LeaveAsync(node, own, other));
        }

        Assert.True(cluster.World.RunUntil(() => running == 0, TimeSpan.FromSeconds(30)));
        Assert.True(cluster.Quiesce());
        return cluster.Newest("ordered", "a") == "off" && cluster.Newest("ordered", "x") == "off";

        async Task LeaveAsync(ModelNode node, string own, string other)
        {
            var one = new ObservedTransaction(node.Begin(isolation), isolation, cluster.World.Now);
            var there = await one.ReadAsync("ordered", other);
            if (there.Failure is null && there.Value.Span.SequenceEqual("on"u8))
            {
                await one.WriteAsync("ordered", own, "off");
                await one.CommitAsync(() => cluster.World.Now);
            }

            running--;
        }
    }
}
