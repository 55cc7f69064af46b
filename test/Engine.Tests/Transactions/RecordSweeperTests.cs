using GrainDb.Engine.Tests.Transactions.Model;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Transactions;

public sealed class RecordSweeperTests
{
    private readonly ModelCluster _cluster = new(seed: 1);
    private readonly ModelNode _node;
    private readonly SwitchedResolutions _resolutions = new();

    public RecordSweeperTests() => _node = _cluster.NewNode("n0");

    [Fact]
    public void A_record_stays_until_the_retry_window_is_over()
    {
        Decide();
        _cluster.World.RunUntil(() => false, TransactionDeadline.Span + TransactionLimits.RetryWindow - TimeSpan.FromSeconds(1));
        Assert.Equal(0, Sweep());
        Assert.Equal(1, _cluster.Records.Count);

        _cluster.World.RunUntil(() => false, TimeSpan.FromSeconds(2));
        Assert.Equal(1, Sweep());
        Assert.Equal(0, _cluster.Records.Count);
    }

    [Fact]
    public void A_record_stays_until_every_participant_has_confirmed()
    {
        Decide();
        _cluster.World.RunUntil(() => false, TransactionDeadline.Span + TransactionLimits.RetryWindow + TimeSpan.FromSeconds(1));
        _resolutions.Confirms = false;
        Assert.Equal(0, Sweep());
        Assert.Equal(1, _cluster.Records.Count);

        _resolutions.Confirms = true;
        Assert.Equal(1, Sweep());
        Assert.Equal(2, _resolutions.Asked);
    }

    [Fact]
    public void More_than_a_page_is_swept()
    {
        for (var i = 0; i < 1_200; i++)
            Decide();
        _cluster.World.RunUntil(() => false, TransactionDeadline.Span + TransactionLimits.RetryWindow + TimeSpan.FromSeconds(1));

        Assert.Equal(1_200, Sweep());
        Assert.Equal(0, _cluster.Records.Count);
    }

    /// <summary>Both ranges are prepared, the decision is there, the coordinator is gone; the record goes before anybody was told.</summary>
    [Theory]
    [InlineData((int)CoordinatorFaults.None, true)]
    [InlineData((int)CoordinatorFaults.DeleteRecordEarly, false)]
    public void A_record_that_is_deleted_early_takes_the_commit_along(int faults, bool isWhole)
    {
        var isAnswered = false;
        var coordinator = _cluster.NewNode("c");
        var one = new ObservedTransaction(coordinator.Begin(), IsolationLevel.Snapshot, 0);
        coordinator.Process.Start(async () =>
        {
            await one.WriteAsync("ordered", "a", "1");
            await one.WriteAsync("ordered", "x", "1");
            await one.CommitAsync(() => 0);
            isAnswered = true;
        });
        Assert.True(_cluster.World.RunUntil(() => _cluster.Records.Count > 0, TimeSpan.FromSeconds(5)));
        coordinator.Process.Die();

        Sweep((CoordinatorFaults)faults);
        Assert.True(_cluster.Quiesce());

        Assert.Equal(isWhole ? 2 : 0, _cluster.VersionsOf(one.Id).Count());
        Assert.False(isAnswered);
    }

    private void Decide()
    {
        var id = _node.Context.NewId();
        Assert.Null(_cluster.Records.Decide(new TransactionRecord(id, _node.Context.Clock.Now(), TransactionDeadline.Of(id), [new RangeId(1), new RangeId(2)])));
    }

    private int Sweep(CoordinatorFaults faults = CoordinatorFaults.None) => _cluster.Run(
        _node,
        () => new RecordSweeper(_cluster.Records, ModelRecords.Descriptor, _resolutions, _node.Context.Clock, _node.Time) { Faults = faults }.SweepAsync(CancellationToken.None)).Removed;

    private sealed class SwitchedResolutions : IResolutions
    {
        public bool Confirms { get; set; } = true;

        public int Asked { get; private set; }

        public Task<bool> ResolveAsync(Resolution resolution, IReadOnlyList<RangeId> participants)
        {
            Asked++;
            return Confirms ? Task.FromResult(true) : new TaskCompletionSource<bool>().Task;
        }
    }
}
