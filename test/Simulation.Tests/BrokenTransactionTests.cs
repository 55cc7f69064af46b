using GrainDb.Engine.Transactions;
using GrainDb.Simulation.Cluster;

namespace GrainDb.Simulation.Tests;

/// <summary>
/// The same as <see cref="BrokenVariantTests"/> for the errors that only transactions show, within the seeds in which the sound machines break nothing
/// (<see cref="SeedTests"/>). Those that these seeds do not show are named in test/Simulation/README.md.
/// </summary>
public sealed class BrokenTransactionTests
{
    private const int MaxSeeds = SeedTests.WithTransactions;

    [Theory]
    [InlineData(nameof(TransactionFaults.ReadPastIntent), nameof(Script.None))]
    [InlineData(nameof(TransactionFaults.NoWatermark), nameof(Script.None))]
    [InlineData(nameof(TransactionFaults.BelowReadTimestamp), nameof(Script.None))]
    [InlineData(nameof(TransactionFaults.SkipUncertainty), nameof(Script.None))]
    [InlineData(nameof(TransactionFaults.ForgetIntentInClosed), nameof(Script.None))]
    [InlineData(nameof(CoordinatorFaults.ResolveBeforeDecision), nameof(Script.None))]
    [InlineData(nameof(CoordinatorFaults.ForgetDecisionRecord), nameof(Script.None))]
    [InlineData(nameof(CoordinatorFaults.AckBeforeDecision), nameof(Script.None))]
    [InlineData(nameof(CoordinatorFaults.DeleteRecordEarly), nameof(Script.None))]
    [InlineData(nameof(CoordinatorFaults.SkipRefresh), nameof(Script.None))]
    [InlineData(nameof(CoordinatorFaults.NoReadValidation), nameof(Script.None))]
    [InlineData(nameof(CoordinatorFaults.AssumePrepared), nameof(Script.None))]
    public void An_error_is_noticed(string error, string script)
    {
        Assert.True(Faults.TryParse(error, out var faults));
        var summary = Seeds.Run(1, MaxSeeds, new RunOptions { Faults = faults, Script = Enum.Parse<Script>(script) }, keepsGoing: false, _ => { });
        Assert.True(summary.Failed.Count > 0, $"{summary.Runs} seeds, and nobody noticed {error}");
        TestContext.Current.SendDiagnosticMessage($"{error}: noticed after {summary.Runs} seeds");
    }
}
