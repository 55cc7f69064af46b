using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Cluster.Tests.Keys;

/// <summary>Who is asked for a read, and what is asked of him.</summary>
public sealed class ReadRoutingTests
{
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(10);
    private static readonly ReadConsistency Eventual = new(ReadLevel.Eventual, default, default, LocalOnly: false);
    private static readonly ReadConsistency LocalOnly = new(ReadLevel.Bounded, TimeSpan.FromMilliseconds(50), default, LocalOnly: true);
    private static readonly ReadConsistency Session = new(ReadLevel.Session, default, new Timestamp(700), LocalOnly: false);

    [Fact]
    public async Task A_linearizable_read_is_the_leader_s()
    {
        var ranges = new FakeRanges("n2");
        ranges.Replica(FakeRanges.Left, "n2").Serves(closed: 800, stalenessMs: 5);

        var read = await ReadAsync(ranges, ReadConsistency.Linearizable);

        Assert.Equal(ReplicaRole.Leader, read.ServedBy!.Role);
        Assert.Equal(["leader of 5"], ranges.Asked);
    }

    [Theory]
    [InlineData("n1", "5@n1")]
    [InlineData("n2", "5@n2")]
    [InlineData("n3", "5@n3")]
    [InlineData("n4", "5@n1")]
    [InlineData("n4", "5@n2", "n1")]
    [InlineData("n4", "5@n3", "n1", "n2")]
    public async Task Any_other_read_is_the_node_s_own_replica_s_or_the_first_live_one_s(string node, string asked, params string[] down)
    {
        var ranges = new FakeRanges(node, down);
        var replica = ranges.Replica(FakeRanges.Left, asked.Split('@')[1]).Serves(closed: 800, stalenessMs: 5);

        var read = await ReadAsync(ranges, Session);

        Assert.Null(read.Failure);
        Assert.Equal(asked, $"{read.ServedBy!.Range}@{read.ServedBy.Node}");
        Assert.Equal(ReplicaRole.Follower, read.ServedBy.Role);
        Assert.Equal(TimeSpan.FromMilliseconds(5), read.Staleness);
        Assert.Equal(new Timestamp(800), read.ReadTimestamp);
        Assert.Equal([asked], ranges.Asked);
        Assert.Equal(Session, Assert.Single(replica.Reads).Consistency);
        Assert.Equal(3, replica.Reads[0].Generation);
    }

    [Fact]
    public async Task What_a_replica_cannot_serve_the_leader_serves()
    {
        var ranges = new FakeRanges("n2");

        var read = await ReadAsync(ranges, Session);

        Assert.Null(read.Failure);
        Assert.Equal(ReplicaRole.Leader, read.ServedBy!.Role);
        Assert.Null(read.Staleness);
        Assert.Equal(["5@n2", "leader of 5"], ranges.Asked);
    }

    [Fact]
    public async Task A_replica_that_throws_is_no_reason_to_fail()
    {
        var ranges = new FakeRanges("n2");
        ranges.Replica(FakeRanges.Left, "n2").Exception = new OrleansException("the node died");

        Assert.Equal(ReplicaRole.Leader, (await ReadAsync(ranges, Eventual)).ServedBy!.Role);
    }

    [Fact]
    public async Task A_silent_replica_is_waited_for_a_second()
    {
        var ranges = new FakeRanges("n2");
        ranges.Replica(FakeRanges.Left, "n2").Gate = new TaskCompletionSource().Task;
        await ranges.Cache.RefreshAsync(TestContext.Current.CancellationToken);

        var reading = ReadAsync(ranges, Eventual);
        ranges.Time.Advance(TimeSpan.FromMilliseconds(999));
        Assert.Empty(ranges.Leader(FakeRanges.Left).Reads);
        ranges.Time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Equal(ReplicaRole.Leader, (await reading).ServedBy!.Role);
    }

    [Theory]
    [InlineData(ErrorCode.Unavailable, ErrorCode.Unavailable)]
    [InlineData(ErrorCode.Corruption, ErrorCode.Unavailable)]
    [InlineData(ErrorCode.SnapshotTooOld, ErrorCode.SnapshotTooOld)]
    public async Task Without_fallback_the_replica_has_the_last_word_at_once(ErrorCode says, ErrorCode failure)
    {
        var ranges = new FakeRanges("n2");
        var replica = ranges.Replica(FakeRanges.Left, "n2");
        replica.Failure = Failure.NotApplied(says, "why not");

        var read = await ReadAsync(ranges, LocalOnly);

        Assert.Equal(failure, read.Failure!.Code);
        Assert.Equal(Outcome.NotApplied, read.Failure.Outcome);
        Assert.Contains("why not", read.Failure.Detail, StringComparison.Ordinal);
        Assert.Single(replica.Reads);
        Assert.Equal(["5@n2"], ranges.Asked);
    }

    [Fact]
    public async Task Without_fallback_a_read_with_no_live_replica_fails_at_once()
    {
        var ranges = new FakeRanges("n4", "n1", "n2", "n3");
        Assert.Equal(ErrorCode.Unavailable, (await ReadAsync(ranges, LocalOnly)).Failure!.Code);
        Assert.Empty(ranges.Asked);
    }

    [Fact]
    public async Task Without_fallback_a_stale_route_is_still_found_anew()
    {
        var ranges = new FakeRanges("n2");
        var replica = ranges.Replica(FakeRanges.Left, "n2");
        replica.Failure = Failure.NotApplied(ErrorCode.RangeMoved, "newer descriptor");
        await ranges.Cache.RefreshAsync(TestContext.Current.CancellationToken);

        var reading = ReadAsync(ranges, LocalOnly);
        Assert.Single(replica.Reads);
        replica.Serves(closed: 800, stalenessMs: 5);
        ranges.Time.Advance(TimeSpan.FromMilliseconds(10));

        Assert.Null((await reading).Failure);
        Assert.Equal(2, replica.Reads.Count);
        Assert.Equal(["5@n2"], ranges.Asked);
    }

    [Fact]
    public async Task A_snapshot_reads_the_same_everywhere_so_only_the_choice_of_whom_to_ask_remains()
    {
        var ranges = new FakeRanges("n2");
        var replica = ranges.Replica(FakeRanges.Left, "n2").Serves(closed: 800, stalenessMs: 5);

        await ReadAsync(ranges, LocalOnly, asOf: new Timestamp(300));
        await ReadAsync(ranges, Session, asOf: new Timestamp(300));
        await ReadAsync(ranges, ReadConsistency.Linearizable, asOf: new Timestamp(300));

        Assert.Equal([Eventual with { LocalOnly = true }, Eventual], replica.Reads.Select(read => read.Consistency));
        Assert.All(replica.Reads, read => Assert.Equal(new Timestamp(300), read.AsOf));
        Assert.Equal(ReadConsistency.Linearizable, Assert.Single(ranges.Leader(FakeRanges.Left).Reads).Consistency);
    }

    [Fact]
    public async Task The_first_replica_of_a_scan_names_the_snapshot_of_all()
    {
        var ranges = new FakeRanges("n2");
        var left = ranges.Replica(FakeRanges.Left, "n2").Serves(closed: 800, stalenessMs: 20);
        var right = ranges.Replica(FakeRanges.Right, "n2").Serves(closed: 900, stalenessMs: 7);

        var page = await ScanAsync(ranges, LocalOnly);

        Assert.Equal(new Timestamp(800), page.ReadTimestamp);
        Assert.Equal(TimeSpan.FromMilliseconds(20), page.Staleness);
        Assert.Equal(["5@n2", "6@n2"], ranges.Asked);
        Assert.Equal((Timestamp.Zero, LocalOnly), (left.Scans[0].AsOf, left.Scans[0].Consistency));
        Assert.Equal((new Timestamp(800), Eventual with { LocalOnly = true }), (right.Scans[0].AsOf, right.Scans[0].Consistency));
    }

    [Fact]
    public async Task A_range_that_its_replica_cannot_serve_is_scanned_by_its_leader_at_the_same_snapshot()
    {
        var ranges = new FakeRanges("n2");
        ranges.Replica(FakeRanges.Left, "n2").Serves(closed: 800, stalenessMs: 20);

        var page = await ScanAsync(ranges, Eventual);

        Assert.Equal(new Timestamp(800), Assert.Single(ranges.Leader(FakeRanges.Right).Scans).AsOf);
        Assert.Equal(new Timestamp(800), page.ReadTimestamp);
        Assert.Equal(TimeSpan.FromMilliseconds(20), page.Staleness);
        Assert.Equal(["5@n2", "6@n2", "leader of 6"], ranges.Asked);
    }

    [Fact]
    public async Task A_session_s_scan_that_leaders_serve_lies_above_what_the_session_has_seen()
    {
        var ranges = new FakeRanges("n2");

        // Written through a node whose clock is ahead, within what is tolerated.
        var seen = ranges.Clock.Now().Add(TimeSpan.FromMilliseconds(100));
        var page = await ScanAsync(ranges, Session with { Seen = seen });

        Assert.True(page.ReadTimestamp > seen, $"{page.ReadTimestamp} {seen}");
        Assert.All([FakeRanges.Left, FakeRanges.Right], range => Assert.Equal(page.ReadTimestamp, Assert.Single(ranges.Leader(range).Scans).AsOf));
    }

    [Fact]
    public async Task A_linearizable_scan_asks_leaders_alone()
    {
        var ranges = new FakeRanges("n2");
        ranges.Replica(FakeRanges.Left, "n2").Serves(closed: 800, stalenessMs: 20);

        Assert.Null((await ScanAsync(ranges, ReadConsistency.Linearizable)).Staleness);
        Assert.Equal(["leader of 5", "leader of 6"], ranges.Asked);
    }

    [Theory]
    [InlineData(WriteLevel.Quorum, 10_000, 0)]
    [InlineData(WriteLevel.All, 10_000, 9_900)]
    [InlineData(WriteLevel.All, 100, 75)]
    public async Task A_write_at_all_waits_for_the_others_no_longer_than_its_caller(WriteLevel level, int timeoutMs, int patienceMs)
    {
        var ranges = new FakeRanges("n2");
        var write = new KeyWrite("a"u8.ToArray(), WriteKind.Put, "x"u8.ToArray(), "", WriteCondition.None, null);

        var written = await ranges.Keys.WriteAsync("wide", write, new WriteOptions(level, null), TimeSpan.FromMilliseconds(timeoutMs), TestContext.Current.CancellationToken);

        Assert.Null(written.Failure);
        var sent = Assert.Single(ranges.Leader(FakeRanges.Left).Writes);
        Assert.Equal((level, TimeSpan.FromMilliseconds(patienceMs)), (sent.Level, sent.Patience));
    }

    private static async Task<ReadResult> ReadAsync(FakeRanges ranges, ReadConsistency consistency, Timestamp asOf = default) =>
        await ranges.Keys.ReadAsync("wide", "a"u8.ToArray(), asOf, consistency, Budget, TestContext.Current.CancellationToken);

    private static async Task<ScanResult> ScanAsync(FakeRanges ranges, ReadConsistency consistency) => await ranges.Keys.ScanAsync(
        "wide", new ScanQuery(default, null, default, 100, Reverse: false, KeysOnly: false, ResumeKey: null), consistency, Budget, TestContext.Current.CancellationToken);
}
