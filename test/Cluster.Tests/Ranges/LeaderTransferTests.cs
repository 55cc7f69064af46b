using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Nodes;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Cluster.Tests.Ranges;

public sealed class LeaderTransferTests
{
    [Fact]
    public async Task The_node_comes_first_in_the_order_and_routes_stay_right()
    {
        var ranges = new FakeRanges("n4");

        await ViewOf(ranges).TransferLeaderAsync(FakeRanges.Left, "n3", TestContext.Current.CancellationToken);

        Assert.Equal(["n3", "n1", "n2"], ranges.Meta.Range(FakeRanges.Left).Nodes);
        Assert.Equal(3, ranges.Meta.Range(FakeRanges.Left).Generation);
        Assert.Equal(["n3", "n1", "n2"], ranges.Cache.Find(FakeRanges.Left)!.Nodes);
        Assert.Equal(["n3"], ranges.Leader(FakeRanges.Left).Transfers);
    }

    [Fact]
    public async Task An_order_that_is_right_is_left_alone_and_the_range_is_asked_all_the_same()
    {
        var ranges = new FakeRanges("n4") { Meta = { BeforeWrite = () => Assert.Fail("nothing is to be written") } };

        await ViewOf(ranges).TransferLeaderAsync(FakeRanges.Left, "n1", TestContext.Current.CancellationToken);

        Assert.Equal(["n1"], ranges.Leader(FakeRanges.Left).Transfers);
    }

    [Fact]
    public async Task Who_is_overtaken_decides_again()
    {
        var ranges = new FakeRanges("n4");
        ranges.Meta.BeforeWrite = ranges.Meta.Interfere;

        await ViewOf(ranges).TransferLeaderAsync(FakeRanges.Left, "n2", TestContext.Current.CancellationToken);

        Assert.Equal(["n2", "n1", "n3"], ranges.Meta.Range(FakeRanges.Left).Nodes);
        Assert.Equal(["n2"], ranges.Leader(FakeRanges.Left).Transfers);
    }

    [Theory]
    [InlineData(99, "n1", ErrorCode.RangeNotFound)]
    [InlineData(5, "n4", ErrorCode.InvalidRequest)]
    [InlineData(5, "n9", ErrorCode.InvalidRequest)]
    [InlineData(5, "n2", ErrorCode.Unavailable)]
    public async Task What_cannot_be_changes_nothing(long range, string node, ErrorCode code)
    {
        var ranges = new FakeRanges("n4", "n2");

        var refused = await Assert.ThrowsAsync<GrainDbException>(() =>
            ViewOf(ranges).TransferLeaderAsync(new RangeId(range), node, TestContext.Current.CancellationToken));

        Assert.Equal((code, Outcome.NotApplied), (refused.Failure.Code, refused.Failure.Outcome));
        Assert.Equal(["n1", "n2", "n3"], ranges.Meta.Range(FakeRanges.Left).Nodes);
        Assert.Empty(ranges.Leader(FakeRanges.Left).Transfers);
    }

    /// <summary>What tells of this node alone is not looked at.</summary>
    private static ClusterView ViewOf(FakeRanges ranges) => new(
        new NodeOptions { Name = "n4", DataDirectory = "", BootstrapNodes = ["n1"] }, ranges.Cache, membership: null!, ranges.Live, ranges.Grains, silo: null!, ranges.Time);
}
