using CsCheck;
using GrainDb.Engine.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Transactions;

public sealed class ParticipantModelTests
{
    [Fact]
    public void Every_read_finds_what_the_commits_at_or_below_it_say_and_no_commit_overlooks_another() =>
        Gen.Select(Gen.Int, Gen.Int[10, 200]).Sample((seed, steps) =>
        {
            var model = new ParticipantModel(seed, TransactionFaults.None);
            model.Run(steps);
            Assert.Null(model.Check());
        }, iter: 400);

    [Fact]
    public void The_model_finds_out_a_lot()
    {
        var model = new ParticipantModel(seed: 1, TransactionFaults.None);
        model.Run(steps: 1000);

        Assert.Null(model.Check());
        Assert.True(model.Figures is { Commits: > 60, Reads: > 300 }, $"only {model.Figures}");
    }

    [Theory]
    [InlineData(TransactionFaults.ReadPastIntent)]
    [InlineData(TransactionFaults.NoWatermark)]
    [InlineData(TransactionFaults.BelowReadTimestamp)]
    [InlineData(TransactionFaults.NoRaise)]
    [InlineData(TransactionFaults.LatePrepare)]
    [InlineData(TransactionFaults.SkipUncertainty)]
    [InlineData(TransactionFaults.ForgetIntentInClosed)]
    [InlineData(TransactionFaults.AnchorBelowPrepares)]
    internal void A_deliberate_error_is_noticed(TransactionFaults fault) => Assert.Contains(Enumerable.Range(1, 50), seed =>
    {
        var model = new ParticipantModel(seed, fault);
        model.Run(steps: 200);
        return model.Check() is not null;
    });
}
