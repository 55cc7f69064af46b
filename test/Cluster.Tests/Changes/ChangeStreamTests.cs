using System.Text;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Grains.Changes;
using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Cluster.Tests.Changes;

/// <summary>What a feed asks of its ranges, and what it makes of their answers.</summary>
public sealed class ChangeStreamTests
{
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(10);
    private static readonly FeedPosition Beginning = new(new Timestamp(100), Delivered: 0, Incarnation: 0);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Changes_of_all_ranges_come_in_one_order_and_a_range_without_any_is_asked_how_far_it_is()
    {
        var ranges = new FakeRanges("n4");
        var right = new Log(("x", 110), ("y", 130));
        ranges.Leader(FakeRanges.Left).Changes = new Log(("a", 120), ("b", 130)).AnswerAsync;
        ranges.Leader(FakeRanges.Right).Changes = right.AnswerAsync;
        await using var stream = await OpenAsync(ranges);

        Assert.Equal(["x@110/0", "a@120/0", "b@130/1", "y@130/0"], await ReadAsync(stream, 4));
        Assert.All(right.Asked, request => Assert.Equal(4, request.Generation));
    }

    [Fact]
    public async Task A_range_outside_of_the_prefix_is_not_asked()
    {
        var ranges = new FakeRanges("n4");
        var left = new Log(("a", 120));
        ranges.Leader(FakeRanges.Left).Changes = left.AnswerAsync;
        ranges.Leader(FakeRanges.Right).Changes = (_, _) => throw new InvalidOperationException();
        await using var stream = await OpenAsync(ranges, "a");

        Assert.Equal(["a@120/0"], await ReadAsync(stream, 1));
        Assert.Equal(("a", "b"), (Encoding.ASCII.GetString(left.Asked[0].Start), Encoding.ASCII.GetString(left.Asked[0].End!)));
    }

    [Fact]
    public async Task A_range_that_fails_is_asked_again_for_the_same()
    {
        var ranges = new FakeRanges("n4");
        var left = new Log(("a", 120));
        var failing = false;
        ranges.Leader(FakeRanges.Left).Changes = (request, token) => failing && request.Wait > TimeSpan.Zero
            ? Answer(() => failing = false)
            : left.AnswerAsync(request, token);
        ranges.Leader(FakeRanges.Right).Changes = new Log().AnswerAsync;
        await using var stream = await OpenAsync(ranges);
        failing = true;

        Assert.Equal(["a@120/0"], await ReadAsync(stream, 1, ranges));
        Assert.Single(left.Asked.Select(request => request.After).Where(after => after.Value < 120).Distinct());

        static ValueTask<RangeChangesResult> Answer(Action before)
        {
            before();
            return new(RangeChangesResult.Failed(Failure.NotApplied(ErrorCode.Unavailable, "nobody leads")));
        }
    }

    [Fact]
    public async Task After_a_split_the_feed_goes_on_behind_what_it_gave_out()
    {
        var upper = new RangeId(9);
        var ranges = new FakeRanges("n4");
        var before = new Log(("a", 110), ("h", 120), ("b", 130)) { Resolved = 130 };
        var lower = new Log(("a", 110), ("b", 130), ("c", 150));
        ranges.Leader(FakeRanges.Left).Changes = (request, token) => (request.Generation == 3 ? before : lower).AnswerAsync(request, token);
        ranges.Leader(upper).Changes = new Log(("h", 120), ("i", 140)).AnswerAsync;
        var right = new Log(("x", 115)) { Resolved = 115 };
        ranges.Leader(FakeRanges.Right).Changes = right.AnswerAsync;
        await using var stream = await OpenAsync(ranges);
        Assert.Equal(["a@110/0", "x@115/0"], await ReadAsync(stream, 2));

        ranges.Meta.SplitLeft(upper);
        before.Refusal = Failure.NotApplied(ErrorCode.RangeMoved, "it was split");
        right.Resolved = 1000;

        Assert.Equal(["h@120/0", "b@130/0", "i@140/0", "c@150/0"], await ReadAsync(stream, 4, ranges));
    }

    [Fact]
    public async Task A_keyspace_that_was_created_anew_is_another_feed()
    {
        var ranges = new FakeRanges("n4");
        ranges.Leader(FakeRanges.Left).Changes = (request, _) => new(request.Wait > TimeSpan.Zero
            ? RangeChangesResult.Failed(Failure.NotApplied(ErrorCode.RangeMoved, "it is gone"))
            : new RangeChangesResult { Resolved = request.After });
        ranges.Leader(FakeRanges.Right).Changes = new Log().AnswerAsync;
        var only = new RangeId(30);
        await using (var stream = await OpenAsync(ranges))
        {
            Assert.Equal(FakeRanges.Left.Value, stream.Position.Incarnation);
            ranges.Meta.Recreate(only);
            var ending = EndAsync(stream);
            while (!ending.IsCompleted)
                await PassAsync(ranges);
            Assert.Equal(ErrorCode.CursorCompacted, (await ending).Code);
        }

        var opening = await ranges.Feed.OpenAsync(Query(Beginning with { Incarnation = FakeRanges.Left.Value }), Budget, Token);
        Assert.Equal(ErrorCode.CursorCompacted, opening.Failure!.Code);
    }

    [Theory]
    [InlineData(ErrorCode.CursorCompacted)]
    [InlineData(ErrorCode.InvalidRequest)]
    [InlineData(ErrorCode.Overloaded)]
    public async Task What_a_range_refuses_at_first_refuses_the_feed(ErrorCode code)
    {
        var ranges = new FakeRanges("n4");
        ranges.Leader(FakeRanges.Right).Changes = (_, _) => new(RangeChangesResult.Failed(Failure.NotApplied(code, "no")));

        var opening = await ranges.Feed.OpenAsync(Query(Beginning), Budget, Token);

        Assert.Equal((code, null), (opening.Failure!.Code, opening.Stream));
        Assert.Equal(0, ranges.Feed.Open);
    }

    [Fact]
    public async Task A_feed_that_falls_behind_the_threshold_ends()
    {
        var ranges = new FakeRanges("n4");
        ranges.Leader(FakeRanges.Right).Changes = (request, _) => new(request.Wait > TimeSpan.Zero
            ? RangeChangesResult.Failed(Failure.NotApplied(ErrorCode.CursorCompacted, "gone"))
            : new RangeChangesResult { Resolved = request.After });
        await using var stream = await OpenAsync(ranges);

        Assert.Equal(ErrorCode.CursorCompacted, (await EndAsync(stream)).Code);
    }

    [Fact]
    public async Task A_position_in_the_future_and_a_keyspace_that_is_not_there_are_refused()
    {
        var ranges = new FakeRanges("n4");
        var future = Beginning with { Timestamp = ranges.Clock.Now().Add(TimeSpan.FromSeconds(1)) };

        Assert.Equal(ErrorCode.InvalidRequest, (await ranges.Feed.OpenAsync(Query(future), Budget, Token)).Failure!.Code);
        Assert.Equal(ErrorCode.KeyspaceNotFound, (await ranges.Feed.OpenAsync(Query(Beginning) with { Keyspace = "none" }, Budget, Token)).Failure!.Code);
    }

    [Fact]
    public async Task Without_a_position_the_feed_begins_now_and_every_range_knows()
    {
        var ranges = new FakeRanges("n4");
        var (left, right) = (new Log(), new Log());
        ranges.Leader(FakeRanges.Left).Changes = left.AnswerAsync;
        ranges.Leader(FakeRanges.Right).Changes = right.AnswerAsync;

        await using var stream = (await ranges.Feed.OpenAsync(Query(null), Budget, Token)).Stream!;

        Assert.Equal([stream.Position.Timestamp, stream.Position.Timestamp], new[] { left.Asked[0].After, right.Asked[0].After });
        Assert.Equal(1, ranges.Feed.Open);
    }

    [Fact]
    public async Task A_reader_that_takes_nothing_holds_its_ranges_up_and_loses_nothing()
    {
        const int Size = 100_000;
        var ranges = new FakeRanges("n4");
        var asked = 0;
        var held = new TaskCompletionSource();
        ranges.Leader(FakeRanges.Left).Changes = (request, _) =>
        {
            if (request.Wait == TimeSpan.Zero)
                return new(new RangeChangesResult { Resolved = request.After });
            if (Interlocked.Increment(ref asked) >= 1 + (ChangeStream.MaxWaitingBytes / Size))
                held.TrySetResult();
            return new(new RangeChangesResult { Changes = [Change("a", request.After.Value + 1, Size)], Resolved = request.After.Next });
        };
        ranges.Leader(FakeRanges.Right).Changes = new Log { Resolved = ulong.MaxValue / 2 }.AnswerAsync;
        await using var stream = await OpenAsync(ranges);

        await held.Task.WaitAsync(Token);
        for (var i = 0; i < 100; i++)
            await Task.Yield();

        var most = 2 + (ChangeStream.MaxWaitingBytes / Size);
        Assert.InRange(Volatile.Read(ref asked), most - 1, most);
        Assert.Equal(Enumerable.Range(1, 2 * most).Select(number => $"a@{100 + number}/0"), (await ReadAsync(stream, 2 * most)).Take(2 * most));
    }

    private static async Task<IChangeStream> OpenAsync(FakeRanges ranges, string prefix = "")
    {
        var opening = await ranges.Feed.OpenAsync(Query(Beginning) with { Prefix = Encoding.ASCII.GetBytes(prefix) }, Budget, Token);
        Assert.Null(opening.Failure);
        return opening.Stream!;
    }

    private static ChangeFeedQuery Query(FeedPosition? from) => new("wide", default, from, IsConnected: true);

    /// <summary>Reads so many changes; where somebody has to wait before he tries again, time passes meanwhile.</summary>
    private static async Task<List<string>> ReadAsync(IChangeStream stream, int count, FakeRanges? ranges = null)
    {
        var read = new List<string>();
        while (read.Count < count)
        {
            var next = stream.NextAsync(TimeSpan.FromHours(1), Token).AsTask();
            while (ranges is not null && !next.IsCompleted)
                await PassAsync(ranges);
            var batch = await next;
            Assert.Null(batch.End);
            read.AddRange(batch.Changes.Select(change => $"{Encoding.ASCII.GetString(change.Key.Span)}@{change.Position.Timestamp.Value}/{change.Position.Delivered}"));
        }

        return read;
    }

    private static async Task<Failure> EndAsync(IChangeStream stream)
    {
        while (true)
        {
            if ((await stream.NextAsync(TimeSpan.FromHours(1), Token)).End is { } end)
                return end;
        }
    }

    private static async Task PassAsync(FakeRanges ranges)
    {
        ranges.Time.Advance(TimeSpan.FromMilliseconds(50));
        await Task.Delay(1, Token);
    }

    private static RangeChange Change(string key, ulong version, int size) =>
        new(Encoding.ASCII.GetBytes(key), new Timestamp(version), false, default, default, "", new byte[size], TransactionId.None);

    /// <summary>A range that has these versions, and will have no others.</summary>
    private sealed class Log(params (string Key, ulong Version)[] versions)
    {
        private readonly List<RangeChanges> _asked = [];

        public ulong Resolved { get; set; } = 1000;

        public Failure? Refusal { get; set; }

        public IReadOnlyList<RangeChanges> Asked
        {
            get
            {
                lock (_asked)
                    return [.. _asked];
            }
        }

        public async ValueTask<RangeChangesResult> AnswerAsync(RangeChanges request, CancellationToken cancellationToken)
        {
            lock (_asked)
                _asked.Add(request);
            var found = versions.Where(version => version.Version > request.After.Value && version.Version <= Resolved).OrderBy(version => version.Version).ToList();
            while (Refusal is null && found.Count == 0 && request.Wait > TimeSpan.Zero && request.AtLeast.Value > Resolved)
                await Task.Delay(1, cancellationToken); // until a test resolves more, or nobody waits any more
            if (Refusal is { } refusal)
                return RangeChangesResult.Failed(refusal);
            return new RangeChangesResult { Changes = [.. found.Select(version => Change(version.Key, version.Version, 1))], Resolved = new Timestamp(Resolved) };
        }
    }
}
