using GrainDb.Engine.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Transactions;

public sealed class RandomHistoryTests
{
    private const int Seeds = 300;

    public static TheoryData<int> Faults =>
    [
        (int)CoordinatorFaults.ResolveBeforeDecision,
        (int)CoordinatorFaults.ForgetDecisionRecord,
        (int)CoordinatorFaults.AckBeforeDecision,
        (int)CoordinatorFaults.SkipRefresh,
        (int)CoordinatorFaults.LowestTimestamp,
        (int)CoordinatorFaults.NoReadValidation,
        (int)CoordinatorFaults.AssumePrepared,
    ];

    [Fact]
    public void Whatever_happens_every_promise_is_kept()
    {
        for (var seed = 1; seed <= Seeds; seed++)
            Assert.Empty(RandomHistory.Run(seed).Select(violation => $"seed {seed}: {violation}"));
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_deliberate_error_is_noticed(int fault) =>
        Assert.Contains(Enumerable.Range(1, Seeds), seed => RandomHistory.Run(seed, (CoordinatorFaults)fault).Count > 0);
}
