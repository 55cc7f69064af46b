using GrainDb.Engine.Tests.Transactions.Model;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Transactions;

public sealed class TransactionRecoveryTests
{
    /// <summary>The node of the range of key a, which is the first to be written.</summary>
    private const string Anchor = "n1";

    [Fact]
    public void Who_reads_meets_all_or_nothing_soon_after_the_coordinator_is_lost()
    {
        var cluster = new ModelCluster(seed: 1);
        Prepare(cluster).Node.Process.Die();

        var reader = cluster.NewNode("reader");
        var started = cluster.World.Elapsed;
        var read = cluster.Run(reader, () => reader.Begin().ReadAsync("ordered", "k"u8.ToArray(), TimeSpan.FromSeconds(10), default).AsTask());

        Assert.Null(read.Failure);
        Assert.False(read.Found);
        Assert.True(cluster.World.Elapsed - started < TimeSpan.FromSeconds(6), "it took too long");
    }

    [Theory]
    [InlineData((int)CoordinatorFaults.None, false)]
    [InlineData((int)CoordinatorFaults.RecoverWithoutAnchor, true)]
    public void A_slow_coordinator_finds_that_others_have_aborted_its_transaction(int faults, bool isViolated)
    {
        var cluster = new ModelCluster(seed: 1, (CoordinatorFaults)faults);
        var (_, one) = Prepare(cluster, TimeSpan.FromSeconds(30));
        cluster.Network.Cut("c", Anchor);
        cluster.World.RunUntil(() => false, TransactionLimits.PrepareTimeout + TimeSpan.FromSeconds(1));
        cluster.Network.Heal();

        Assert.True(cluster.World.RunUntil(() => one.Result is not null, TimeSpan.FromSeconds(30)));
        Assert.True(cluster.Quiesce());

        Assert.Equal(isViolated, HistoryCheck.Violations(cluster, [one]).Count > 0);
        if (!isViolated)
            Assert.Equal((ErrorCode.TransactionConflict, Outcome.NotApplied), (one.Result!.Failure!.Code, one.Result.Failure.Outcome));
    }

    [Fact]
    public void A_decision_after_the_deadline_has_no_effect()
    {
        var cluster = new ModelCluster(seed: 1);
        var (node, one) = Prepare(cluster, TransactionDeadline.Span * 2);

        // Nobody reaches the anchor before the deadline.
        cluster.Network.Cut("n2", Anchor);
        cluster.Network.Cut("c", Anchor);
        node.Process.Pause(TransactionDeadline.Span + TimeSpan.FromSeconds(2));
        cluster.World.RunUntil(() => false, TransactionDeadline.Span + TimeSpan.FromSeconds(1));
        cluster.Network.Heal();

        Assert.True(cluster.World.RunUntil(() => one.Result is not null, TimeSpan.FromSeconds(30)));
        Assert.True(cluster.Quiesce());
        Assert.NotNull(one.Result!.Failure);
        Assert.Empty(cluster.VersionsOf(one.Id));
        Assert.Empty(HistoryCheck.Violations(cluster, [one]));
    }

    [Fact]
    public void A_client_that_was_told_unknown_is_told_the_outcome_later()
    {
        var cluster = new ModelCluster(seed: 1);
        var (node, one) = Prepare(cluster);
        cluster.Network.Cut(Anchor, "c");
        Assert.True(cluster.World.RunUntil(() => one.Result is not null, TimeSpan.FromSeconds(30)));
        Assert.Equal((ErrorCode.OutcomeUnknown, Outcome.Unknown), (one.Result!.Failure!.Code, one.Result.Failure.Outcome));
        Assert.Equal(one.Id, one.Result.Failure.Transaction);

        cluster.Network.Heal();
        var again = cluster.Run(node, async () =>
        {
            await Task.Delay(TimeSpan.FromSeconds(10), node.Time);
            return await one.CommitAsync(() => cluster.World.Now);
        });

        // The decision had arrived; only its answer had not.
        Assert.Null(again.Failure);
        Assert.Equal(2, cluster.VersionsOf(one.Id).Count());
    }

    /// <summary>A transaction over two ranges at the moment in which the second is prepared and the first, its anchor, has decided nothing.</summary>
    private static (ModelNode Node, ObservedTransaction Transaction) Prepare(ModelCluster cluster, TimeSpan? timeout = null)
    {
        var node = cluster.NewNode("c");
        var one = new ObservedTransaction(node.Begin(), IsolationLevel.Snapshot, 0);
        node.Process.Start(async () =>
        {
            await one.WriteAsync("ordered", "a", "1");
            await one.WriteAsync("ordered", "k", "1");
            await one.CommitAsync(() => cluster.World.Now, timeout);
        });
        Assert.True(cluster.World.RunUntil(() => cluster.Ranges.Values.Count(range => range.Intents.Any()) == 1, TimeSpan.FromSeconds(5)));
        Assert.Equal(Anchor, cluster.RangeOf("ordered", "a").Node);
        Assert.Null(cluster.CommitOf(one.Id));
        return (node, one);
    }
}
