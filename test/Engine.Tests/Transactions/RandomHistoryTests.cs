using GrainDb.Engine.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Transactions;

public sealed class RandomHistoryTests
{
    private const int Seeds = 300;

    public static TheoryData<int> Faults =>
    [
        (int)CoordinatorFaults.ResolveBeforeDecision,
        (int)CoordinatorFaults.SettleEarly,
        (int)CoordinatorFaults.AckBeforeDecision,
        (int)CoordinatorFaults.SkipRefresh,
        (int)CoordinatorFaults.ForgetPrepareTimestamps,
        (int)CoordinatorFaults.NoReadValidation,
        (int)CoordinatorFaults.AssumePrepared,
    ];

    [Fact]
    public void Whatever_happens_every_promise_is_kept()
    {
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var violations = RandomHistory.Run(seed);
            Assert.True(violations.Count == 0, $"seed {seed}: {string.Join('\n', violations)}");
        }
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_deliberate_error_is_noticed(int fault) =>
        Assert.Contains(Enumerable.Range(1, Seeds), seed => RandomHistory.Run(seed, (CoordinatorFaults)fault).Count > 0);
}
