using GrainDb.Engine.Tests.Transactions.Model;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Transactions;

/// <summary>A client that was told that the outcome is unknown learns it soon, though the transaction touched one range alone and has no record.</summary>
public sealed class SettlingTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(5);

    private readonly ModelCluster _cluster = new(seed: 1);
    private readonly ModelNode _node;

    public SettlingTests() => _node = _cluster.NewNode("c");

    [Fact]
    public void A_commit_that_never_arrived_is_aborted_and_cannot_happen_any_more()
    {
        var one = CommitWithoutAnswer(Cut.Requests);

        Assert.Equal(TransactionStatus.Aborted, one.View.Status);
        Assert.Null(_cluster.Newest("ordered", "a"));
        var again = _cluster.Run(_node, () => one.CommitAsync(null, Soon, default));
        Assert.Equal(Outcome.NotApplied, again.Failure!.Outcome);
    }

    [Fact]
    public void A_commit_whose_answer_was_lost_is_committed()
    {
        var one = CommitWithoutAnswer(Cut.Answers);

        Assert.Equal((TransactionStatus.Committed, _cluster.Versions("ordered", "a")[^1].Commit), (one.View.Status, one.View.CommitTimestamp));
    }

    /// <summary>The first attempt was lost or not; a second one finds a conflict, which says nothing of the first.</summary>
    [Theory]
    [InlineData(Cut.Requests, Outcome.NotApplied)]
    [InlineData(Cut.Answers, null)]
    internal void A_refusal_after_an_attempt_without_an_answer_becomes_certain_at_once(Cut cut, Outcome? expected)
    {
        var one = Begin();
        Make(cut);
        var committing = default(CommitResult);
        _node.Process.Start(async () => committing = await one.CommitAsync(null, TimeSpan.FromSeconds(10), default));
        Pass(TimeSpan.FromSeconds(1));
        _cluster.Put("ordered", "a", "another");

        _cluster.Network.Heal();

        Assert.True(_cluster.World.RunUntil(() => committing is not null, TimeSpan.FromSeconds(8)));
        Assert.Equal(expected, committing!.Failure?.Outcome);
        if (expected is not null)
            Assert.Equal(ErrorCode.TransactionConflict, committing.Failure!.Code);
        Assert.Equal(expected is null, _cluster.VersionsOf(one.Id).Any());
    }

    internal enum Cut
    {
        Requests,
        Answers,
    }

    private TransactionCoordinator CommitWithoutAnswer(Cut cut)
    {
        var one = Begin();
        Make(cut);
        var result = _cluster.Run(_node, () => one.CommitAsync(null, TimeSpan.FromSeconds(1), default));
        Assert.Equal((ErrorCode.OutcomeUnknown, Outcome.Unknown), (result.Failure!.Code, result.Failure.Outcome));
        _cluster.Network.Heal();
        Assert.True(_cluster.World.RunUntil(() => one.View.Status != TransactionStatus.Unknown, Soon));
        return one;
    }

    private TransactionCoordinator Begin()
    {
        var one = _node.Begin();
        Assert.Null(_cluster.Run(_node, () => one.WriteAsync("ordered", ObservedTransaction.Put("a", "1", default), Soon, default).AsTask()));
        return one;
    }

    private void Make(Cut cut)
    {
        var range = _cluster.RangeOf("ordered", "a").Node;
        if (cut == Cut.Requests)
            _cluster.Network.Cut("c", range);
        else
            _cluster.Network.Cut(range, "c");
    }

    private void Pass(TimeSpan time) => _cluster.World.RunUntil(() => false, time);
}
