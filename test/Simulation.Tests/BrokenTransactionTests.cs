using GrainDb.Engine.Transactions;
using GrainDb.Simulation.Cluster;

namespace GrainDb.Simulation.Tests;

/// <summary>The same as <see cref="BrokenVariantTests"/> for the errors that only transactions show.</summary>
public sealed class BrokenTransactionTests
{
    private const int MaxSeeds = 1000;

    /// <summary>
    /// Noticed by Engine.Tests. Two who wait for each other do so for three seconds, then both give up: nothing is wrong with what they did. Nobody here is late by more than
    /// the time for which the abort at the anchor is remembered, so the deadline is never what stops him.
    /// </summary>
    private static readonly string[] NotHere = [nameof(TransactionFaults.AnchorWaits), nameof(TransactionFaults.NoDeadline)];

    [Theory]
    [InlineData(nameof(TransactionFaults.ReadPastIntent), nameof(Script.None))]
    [InlineData(nameof(TransactionFaults.NoWatermark), nameof(Script.ClocksApart))]
    [InlineData(nameof(TransactionFaults.BelowReadTimestamp), nameof(Script.ClocksApart))]
    [InlineData(nameof(TransactionFaults.NoRaise), nameof(Script.ClocksApart))]
    [InlineData(nameof(TransactionFaults.LatePrepare), nameof(Script.LateDecision))]
    [InlineData(nameof(TransactionFaults.SkipUncertainty), nameof(Script.ClocksApart))]
    [InlineData(nameof(TransactionFaults.ForgetIntentInClosed), nameof(Script.None))]
    [InlineData(nameof(TransactionFaults.FeedPastIntent), nameof(Script.None))]
    [InlineData(nameof(CoordinatorFaults.ResolveBeforeDecision), nameof(Script.None))]
    [InlineData(nameof(TransactionFaults.ForgetDecision), nameof(Script.LateDecision))]
    [InlineData(nameof(TransactionFaults.AnchorBelowPrepares), nameof(Script.ClocksApart))]
    [InlineData(nameof(CoordinatorFaults.SettleEarly), nameof(Script.None))]
    [InlineData(nameof(CoordinatorFaults.AckBeforeDecision), nameof(Script.None))]
    [InlineData(nameof(CoordinatorFaults.SkipRefresh), nameof(Script.None))]
    [InlineData(nameof(CoordinatorFaults.ForgetPrepareTimestamps), nameof(Script.ClocksApart))]
    [InlineData(nameof(CoordinatorFaults.RecoverWithoutAnchor), nameof(Script.LateDecision))]
    [InlineData(nameof(CoordinatorFaults.NoReadValidation), nameof(Script.None))]
    [InlineData(nameof(CoordinatorFaults.AssumePrepared), nameof(Script.None))]
    public void An_error_is_noticed(string error, string script)
    {
        Assert.True(Faults.TryParse(error, out var faults));
        var summary = Seeds.Run(1, MaxSeeds, new RunOptions { Faults = faults, Script = Enum.Parse<Script>(script) }, keepsGoing: false, _ => { });
        Assert.True(summary.Failed.Count > 0, $"{summary.Runs} seeds, and nobody noticed {error}");
        TestContext.Current.SendDiagnosticMessage($"{error}: noticed after {summary.Runs} seeds");
    }

    [Fact]
    public void Every_error_has_a_course()
    {
        var named = typeof(BrokenTransactionTests).GetMethod(nameof(An_error_is_noticed))!.GetCustomAttributes(typeof(InlineDataAttribute), inherit: false)
            .Select(data => (string)((InlineDataAttribute)data).Data[0]!);
        var all = Enum.GetNames<TransactionFaults>().Concat(Enum.GetNames<CoordinatorFaults>()).Where(name => name != nameof(TransactionFaults.None));
        Assert.Equal(all.Except(NotHere).Order(), named.Order());
    }
}
