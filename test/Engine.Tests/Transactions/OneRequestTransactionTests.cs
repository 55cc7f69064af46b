using System.Globalization;
using System.Text;
using GrainDb.Engine.Tests.Transactions.Model;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Transactions;

public sealed class OneRequestTransactionTests
{
    private readonly ModelCluster _cluster = new(seed: 1);
    private readonly ModelNode _node;

    public OneRequestTransactionTests() => _node = _cluster.NewNode("c");

    [Fact]
    public void Everything_is_read_and_written_at_once()
    {
        _cluster.Put("ordered", "a", "1");
        _cluster.Put("ordered", "x", "5");

        var result = Run(new TransactRequest
        {
            Checks = [Check("a", CheckKind.ValueEquals, "1"), Check("k", CheckKind.NotExists)],
            Reads = [new TransactRead("ordered", "a"u8.ToArray(), IsScan: false, null, 0), new TransactRead("ordered", default, IsScan: true, null, 10)],
            Writes = [Put("k", "new"), Increment("x", 2)],
        });

        Assert.Null(result.Failure);
        Assert.True(result.Committed);
        Assert.Equal("1", Encoding.UTF8.GetString(result.Reads[0].Item!.Value.Value.Span));
        Assert.Equal(["a", "x"], result.Reads[1].Rows!.Select(row => Encoding.UTF8.GetString(row.Key.Span)));
        Assert.Equal([null, 7], result.Increments);
        Assert.True(_cluster.Quiesce());
        Assert.Equal("new", _cluster.Newest("ordered", "k"));
        Assert.Equal("7", _cluster.Newest("ordered", "x"));
    }

    [Fact]
    public void A_check_that_fails_is_an_answer_and_nothing_is_written()
    {
        _cluster.Put("ordered", "a", "1");

        var result = Run(new TransactRequest
        {
            Checks = [Check("a", CheckKind.Exists), Check("a", CheckKind.ValueEquals, "2"), Check("x", CheckKind.Exists)],
            Reads = [new TransactRead("ordered", "a"u8.ToArray(), IsScan: false, null, 0)],
            Writes = [Put("k", "new"), Put("x", "new")],
        });

        Assert.Null(result.Failure);
        Assert.False(result.Committed);
        Assert.Equal([1, 2], result.FailedChecks);
        Assert.NotNull(result.Reads[0].Item);
        Assert.Null(_cluster.Newest("ordered", "k"));
    }

    [Fact]
    public void A_key_is_asked_for_once_however_often_it_is_named()
    {
        _cluster.Put("ordered", "a", "1");
        _cluster.Put("ordered", "x", "5");
        var once = new TransactRequest { Writes = [Increment("a", 1), Increment("x", 1)] };

        var calls = CallsOf(once);
        var callsOfMore = CallsOf(once with
        {
            Checks = [Check("a", CheckKind.ValueEquals, "2"), Check("a", CheckKind.Exists)],
            Reads = [new TransactRead("ordered", "a"u8.ToArray(), IsScan: false, null, 0), new TransactRead("ordered", "x"u8.ToArray(), IsScan: false, null, 0)],
        });

        Assert.Equal(calls, callsOfMore);
        Assert.Equal("3", _cluster.Newest("ordered", "a"));
        Assert.Equal("7", _cluster.Newest("ordered", "x"));
    }

    [Theory]
    [InlineData("no number", 1)]
    [InlineData("9223372036854775807", 1)]
    [InlineData("-9223372036854775808", -1)]
    [InlineData("1.5", 1)]
    [InlineData(" 1", 1)]
    [InlineData("", 1)]
    public void What_cannot_be_incremented_is_refused(string value, long by)
    {
        _cluster.Put("ordered", "x", value);

        var result = Run(new TransactRequest { Writes = [Put("a", "1"), Increment("x", by)] });

        Assert.Equal((ErrorCode.NotAnInteger, Outcome.NotApplied), (result.Failure!.Code, result.Failure.Outcome));
        Assert.Null(_cluster.Newest("ordered", "a"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Increments_that_race_are_all_counted_once(int seed)
    {
        var cluster = new ModelCluster(seed, clockSpread: TimeSpan.FromMilliseconds(100));
        cluster.Network.Faults = RandomHistory.Bad;
        var (running, counted) = (6, 0L);
        var unknown = new List<TransactionId>();
        for (var client = 0; client < 6; client++)
        {
            var node = cluster.NewNode($"c{client}");
            node.Process.Start(async () =>
            {
                for (var i = 0; i < 10; i++)
                {
                    var result = await new OneRequestTransaction(node.Context, new TransactRequest { Writes = [Increment("a", 1), Increment("x", 1)] })
                        .RunAsync(TimeSpan.FromSeconds(10), CancellationToken.None);
                    if (result.Failure is null)
                        counted++;
                    else if (result.Failure.Transaction is { } transaction)
                        unknown.Add(transaction);
                }

                running--;
            });
        }

        Assert.True(cluster.World.RunUntil(() => running == 0, TimeSpan.FromMinutes(20)));
        Assert.True(cluster.Quiesce());
        counted += unknown.Count(transaction => cluster.VersionsOf(transaction).Any());
        Assert.Equal(counted.ToString(CultureInfo.InvariantCulture), cluster.Newest("ordered", "a"));
        Assert.Equal(counted.ToString(CultureInfo.InvariantCulture), cluster.Newest("ordered", "x"));
        Assert.True(counted > 20, $"{counted} of 60 got through");
    }

    /// <summary>Snapshot isolation validates nothing that is only read: without the checks both would commit.</summary>
    [Fact]
    public void A_check_holds_at_the_commit_also_where_its_key_is_read_besides()
    {
        var both = 0;
        for (var seed = 1; seed <= 20; seed++)
        {
            var cluster = new ModelCluster(seed);
            cluster.Put("ordered", "a", "1");
            cluster.Put("ordered", "x", "1");
            var results = new List<TransactResult>();
            foreach (var (read, written) in new[] { ("a", "x"), ("x", "a") })
            {
                var node = cluster.NewNode($"c{read}");
                var request = new TransactRequest
                {
                    Isolation = IsolationLevel.Snapshot,
                    Checks = [Check(read, CheckKind.ValueEquals, "1")],
                    Reads = [new TransactRead("ordered", Encoding.UTF8.GetBytes(read), IsScan: false, null, 0)],
                    Writes = [Put(written, "2")],
                };
                node.Process.Start(async () => results.Add(await new OneRequestTransaction(node.Context, request).RunAsync(TimeSpan.FromSeconds(10), CancellationToken.None)));
            }

            Assert.True(cluster.World.RunUntil(() => results.Count == 2, TimeSpan.FromSeconds(20)));
            Assert.Contains(results, result => result.Committed);
            both += results.All(result => result.Committed) ? 1 : 0;
        }

        Assert.Equal(0, both);
    }

    [Fact]
    public void A_repetition_is_answered_with_what_the_first_one_did()
    {
        var request = new TransactRequest
        {
            Checks = [Check("a", CheckKind.NotExists)],
            Reads = [new TransactRead("ordered", "x"u8.ToArray(), IsScan: false, null, 0)],
            Writes = [Put("a", "1"), Increment("x", 1)],
            Idempotency = new IdempotencyStamp("key", 1, default),
        };
        var first = Run(request);
        Assert.True(first.Committed);

        // Its check does not hold any more, and it says nevertheless what it did.
        var second = Run(request);

        Assert.True(second.Committed);
        Assert.NotNull(second.Repeated);
        Assert.Equal(first.CommitTimestamp, second.CommitTimestamp);
        Assert.Equal(first.Increments, second.Increments);
        Assert.Null(second.Reads[0].Item);
        Assert.True(_cluster.Quiesce());
        Assert.Equal("1", _cluster.Newest("ordered", "x"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Repetitions_that_race_over_several_ranges_have_one_effect_and_equal_answers(int seed)
    {
        var cluster = new ModelCluster(seed, clockSpread: TimeSpan.FromMilliseconds(100));
        var request = new TransactRequest { Writes = [Increment("a", 1), Increment("x", 1)], Idempotency = new IdempotencyStamp("key", 1, default) };
        var results = new List<TransactResult>();
        for (var client = 0; client < 10; client++)
        {
            var node = cluster.NewNode($"c{client}");
            node.Process.Start(async () => results.Add(await new OneRequestTransaction(node.Context, request).RunAsync(TimeSpan.FromSeconds(10), CancellationToken.None)));
        }

        Assert.True(cluster.World.RunUntil(() => results.Count == 10, TimeSpan.FromSeconds(20)));
        Assert.Empty(results.Select(result => result.Failure?.Detail).OfType<string>());
        Assert.All(results, result => Assert.Equal((null, results[0].CommitTimestamp, 1, 1), (result.Failure, result.CommitTimestamp, result.Increments[0], result.Increments[1])));
        Assert.Single(results, result => result.Repeated is null);
        Assert.True(cluster.Quiesce());
        Assert.Equal(("1", "1"), (cluster.Newest("ordered", "a"), cluster.Newest("ordered", "x")));
    }

    [Fact]
    public void A_first_one_whose_check_fails_leaves_nothing_behind()
    {
        _cluster.Put("ordered", "a", "1");
        var result = Run(new TransactRequest
        {
            Checks = [Check("a", CheckKind.NotExists)],
            Writes = [Put("a", "1"), Put("x", "1")],
            Idempotency = new IdempotencyStamp("key", 1, default),
        });

        Assert.Null(result.Failure);
        Assert.Equal([0], result.FailedChecks);
        Assert.True(_cluster.Quiesce());
    }

    [Fact]
    public void An_old_snapshot_is_read_as_it_was()
    {
        _cluster.Put("ordered", "a", "1");
        _cluster.Put("ordered", "x", "1");
        var at = _node.Begin().ReadTimestamp;
        _cluster.World.RunUntil(() => false, TimeSpan.FromMilliseconds(10));
        _cluster.Put("ordered", "a", "2");

        var result = Run(new TransactRequest
        {
            Reads = [new TransactRead("ordered", "a"u8.ToArray(), IsScan: false, null, 0), new TransactRead("ordered", "x"u8.ToArray(), IsScan: false, null, 0)],
            AsOf = at,
        });

        Assert.Equal(["1", "1"], result.Reads.Select(read => Encoding.UTF8.GetString(read.Item!.Value.Value.Span)));
    }

    [Fact]
    public void A_request_that_contradicts_itself_is_refused()
    {
        Assert.Equal(ErrorCode.InvalidRequest, OneRequestTransaction.WhyNot(new TransactRequest { Writes = [Put("a", "1"), Put("a", "2")] }, _node.Context with { MaxValueBytes = 1000 })!.Code);
        Assert.Equal(ErrorCode.InvalidRequest, OneRequestTransaction.WhyNot(new TransactRequest { Writes = [Put("a", "1")], AsOf = new Timestamp(1) }, _node.Context with { MaxValueBytes = 1000 })!.Code);
        Assert.Equal(ErrorCode.ValueTooLarge, OneRequestTransaction.WhyNot(new TransactRequest { Writes = [Put("a", "123")] }, _node.Context with { MaxValueBytes = 2 })!.Code);
        Assert.Equal(ErrorCode.InvalidRequest, OneRequestTransaction.WhyNot(new TransactRequest { Reads = [new TransactRead("ordered", default, IsScan: true, null, 0)] }, _node.Context with { MaxValueBytes = 2 })!.Code);
        Assert.Null(OneRequestTransaction.WhyNot(new TransactRequest { Writes = [Put("a", "1"), Put("b", "2")] }, _node.Context with { MaxValueBytes = 1000 }));
    }

    [Fact]
    public void Only_the_database_itself_writes_system_keyspaces()
    {
        var write = Put("a", "1");
        var request = new TransactRequest { Writes = [write with { Keyspace = "system.inventory" }] };

        Assert.Equal(ErrorCode.Forbidden, OneRequestTransaction.WhyNot(request, _node.Context)!.Code);
        Assert.Null(OneRequestTransaction.WhyNot(request, _node.Context with { MayWriteSystem = true }));
    }

    private int CallsOf(TransactRequest request)
    {
        var before = _node.Reach.CallsLeft;
        Assert.True(Run(request).Committed);
        Assert.True(_cluster.Quiesce());
        return before - _node.Reach.CallsLeft;
    }

    private TransactResult Run(TransactRequest request) =>
        _cluster.Run(_node, () => new OneRequestTransaction(_node.Context, request).RunAsync(TimeSpan.FromSeconds(10), CancellationToken.None).AsTask());

    private static TransactCheck Check(string key, CheckKind kind, string value = "") => new("ordered", Encoding.UTF8.GetBytes(key), kind, default, Encoding.UTF8.GetBytes(value));

    private static TransactWrite Put(string key, string value) => new("ordered", ObservedTransaction.Put(key, value), null);

    private static TransactWrite Increment(string key, long by) => new("ordered", ObservedTransaction.Put(key, ""), by);
}
