using GrainDb.Engine.Replication;
using GrainDb.Simulation.Cluster;

namespace GrainDb.Simulation.Tests;

/// <summary>
/// The checkers are checked: every deliberate error of the machines breaks a promise that they notice.
/// </summary>
public sealed class BrokenVariantTests
{
    /// <summary>The bound for which the simulator was built; most need a handful.</summary>
    private const int MaxSeeds = 1000;

    [Theory]
    [InlineData(nameof(ReplicationFaults.NoRecheck), nameof(Script.OldVoters))]
    [InlineData(nameof(ReplicationFaults.SingleMajority), nameof(Script.None))]
    [InlineData(nameof(ReplicationFaults.OldEpochCommit), nameof(Script.FigureEight))]
    [InlineData(nameof(ReplicationFaults.NoRestartWait), nameof(Script.StaleLease))]
    [InlineData(nameof(ReplicationFaults.AnyRelease), nameof(Script.LateRelease))]
    [InlineData(nameof(ReplicationFaults.NoSelfPromise), nameof(Script.None))]
    [InlineData(nameof(ReplicationFaults.TruncateAlways), nameof(Script.None))]
    [InlineData(nameof(ReplicationFaults.AckLastLsn), nameof(Script.LooseEnd))]
    [InlineData(nameof(ReplicationFaults.CommitUnverified), nameof(Script.None))]
    [InlineData(nameof(ReplicationFaults.AckBeforeSync), nameof(Script.None))]
    [InlineData(nameof(ReplicationFaults.MajorityOffByOne), nameof(Script.None))]
    [InlineData(nameof(ReplicationFaults.SkipEpochCheck), nameof(Script.None))]
    [InlineData(nameof(ReplicationFaults.ForgetLease), nameof(Script.StaleLease))]
    [InlineData(nameof(ReplicationFaults.RecoveringVotes), nameof(Script.None))]
    [InlineData(nameof(ReplicationFaults.ReadWithoutLease), nameof(Script.StaleLease))]
    [InlineData(nameof(ReplicationFaults.CloseTooEarly), nameof(Script.None))]
    [InlineData(nameof(ReplicationFaults.UnfencedFetch), nameof(Script.SourceMovesOn))]
    [InlineData(nameof(ReplicationFaults.NoLowWater), nameof(Script.Transfers))]
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
        var named = typeof(BrokenVariantTests).GetMethod(nameof(An_error_is_noticed))!.GetCustomAttributes(typeof(InlineDataAttribute), inherit: false)
            .Select(data => (string)((InlineDataAttribute)data).Data[0]!);
        Assert.Equal(Enum.GetNames<ReplicationFaults>().Where(name => name != nameof(ReplicationFaults.None)).Order(), named.Order());
    }
}
