using System.Text;
using GrainDb.Engine.Tests.Transactions.Model;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Transactions;

public sealed class TransactionCoordinatorTests
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    private readonly ModelCluster _cluster = new(seed: 1);
    private readonly ModelNode _node;

    public TransactionCoordinatorTests() => _node = _cluster.NewNode("c");

    [Fact]
    public void Own_writes_are_read_and_nobody_else_sees_them()
    {
        _cluster.Put("ordered", "a", "old");
        var one = _node.Begin();
        var other = _node.Begin();

        Assert.Null(Write(one, "ordered", "a", "new"));
        Assert.Null(Write(one, "ordered", "k", "added"));

        Assert.Equal("new", Read(one, "ordered", "a"));
        Assert.Equal("added", Read(one, "ordered", "k"));
        Assert.Equal("old", Read(other, "ordered", "a"));
        Assert.Null(Read(other, "ordered", "k"));
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(false, 2)]
    [InlineData(false, 100)]
    [InlineData(true, 1)]
    [InlineData(true, 3)]
    [InlineData(true, 100)]
    public void Pages_hold_own_writes_over_all_ranges_in_order(bool reverse, int limit)
    {
        foreach (var key in new[] { "a", "c", "k", "m", "q", "x" })
            _cluster.Put("ordered", key, "old");
        var one = _node.Begin();
        Write(one, "ordered", "b", "own");
        Write(one, "ordered", "c", "own");
        Write(one, "ordered", "z", "own");
        Assert.Null(Run(() => one.WriteAsync("ordered", ObservedTransaction.Delete("m"), Timeout, default).AsTask()));

        var rows = ScanAll(one, "ordered", new ScanQuery("a"u8.ToArray(), null, default, limit, reverse, KeysOnly: false, null), limit);

        string[] expected = ["a=old", "b=own", "c=own", "k=old", "q=old", "x=old", "z=own"];
        Assert.Equal(reverse ? expected.Reverse() : expected, rows);
    }

    [Fact]
    public void A_scan_by_hash_filters_own_writes_too()
    {
        foreach (var key in new[] { "a1", "a2", "b1" })
            _cluster.Put("hashed", key, "old");
        var one = _node.Begin();
        Write(one, "hashed", "a3", "own");
        Write(one, "hashed", "b2", "own");

        var rows = ScanAll(one, "hashed", new ScanQuery("a"u8.ToArray(), "b"u8.ToArray(), default, 100, Reverse: false, KeysOnly: false, null), 100);

        Assert.Equal(["a1=old", "a2=old", "a3=own"], rows.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_second_of_two_that_read_the_same_balance_conflicts_and_old_snapshots_stay()
    {
        _cluster.Put("ordered", "a", "100");
        var (first, second, reader) = (_node.Begin(), _node.Begin(), _node.Begin(readOnly: true));
        Assert.Equal("100", Read(first, "ordered", "a"));
        Assert.Equal("100", Read(second, "ordered", "a"));
        Assert.Equal("100", Read(reader, "ordered", "a"));
        Write(first, "ordered", "a", "150");
        Write(second, "ordered", "a", "200");

        var committed = Commit(first);
        var refused = Commit(second);

        Assert.Null(committed.Failure);
        Assert.Equal(ErrorCode.TransactionConflict, refused.Failure!.Code);
        Assert.Equal(Outcome.NotApplied, refused.Failure.Outcome);
        var key = Assert.Single(refused.Failure.Keys);
        Assert.Equal(("ordered", "a"), (key.Keyspace, Encoding.UTF8.GetString(key.Key.Span)));
        Assert.Equal("100", Read(reader, "ordered", "a"));
        Assert.Equal("150", Read(_node.Begin(), "ordered", "a"));
        Assert.Equal("100", Read(_node.Begin(readOnly: true, asOf: committed.CommitTimestamp.Previous), "ordered", "a"));
        Assert.Equal("150", Read(_node.Begin(readOnly: true, asOf: committed.CommitTimestamp), "ordered", "a"));
    }

    [Fact]
    public void A_commit_over_several_ranges_has_one_timestamp_and_leaves_nothing_behind()
    {
        var one = _node.Begin();
        foreach (var key in new[] { "a", "k", "x" })
            Write(one, "ordered", key, "1");

        var result = Commit(one);

        Assert.Null(result.Failure);
        Assert.True(_cluster.Quiesce());
        Assert.Equal(3, _cluster.VersionsOf(one.Id).Count(version => version.Version.Commit == result.CommitTimestamp));
        Assert.Equal(result, Commit(one));
        Assert.Equal(TransactionStatus.Committed, one.View.Status);
    }

    [Fact]
    public void A_commit_in_one_range_is_nothing_to_others()
    {
        var one = _node.Begin();
        Write(one, "ordered", "a", "1");
        Write(one, "ordered", "b", "1");

        Assert.Null(Commit(one).Failure);
        Assert.False(_cluster.IsUnfinished);
    }

    [Fact]
    public void Without_writes_there_is_nothing_to_commit()
    {
        _cluster.Put("ordered", "a", "1");
        var one = _node.Begin(IsolationLevel.Serializable);
        Read(one, "ordered", "a");
        _cluster.Put("ordered", "a", "2");

        var result = Commit(one);

        Assert.Null(result.Failure);
        Assert.Equal(one.ReadTimestamp, result.CommitTimestamp);
    }

    [Fact]
    public void A_condition_is_judged_by_snapshot_and_own_writes_and_leaves_the_transaction_open()
    {
        _cluster.Put("ordered", "a", "1");
        var one = _node.Begin();

        Assert.Equal(ErrorCode.VersionMismatch, Write(one, "ordered", "a", "2", new WriteCondition(ConditionKind.NotExists, default))!.Code);
        Assert.Null(Write(one, "ordered", "k", "2", new WriteCondition(ConditionKind.NotExists, default)));
        Assert.Null(Write(one, "ordered", "k", "3", new WriteCondition(ConditionKind.Exists, default)));
        Assert.Equal(ErrorCode.VersionMismatch, Write(one, "ordered", "k", "4", new WriteCondition(ConditionKind.NotExists, default))!.Code);

        Assert.Null(Commit(one).Failure);
        Assert.Equal("3", _cluster.Newest("ordered", "k"));
    }

    [Fact]
    public void What_others_did_in_between_makes_a_condition_a_conflict()
    {
        var one = _node.Begin();
        Assert.Null(Write(one, "ordered", "k", "1", new WriteCondition(ConditionKind.NotExists, default)));
        _cluster.Put("ordered", "k", "2");

        Assert.Equal(ErrorCode.TransactionConflict, Commit(one).Failure!.Code);
    }

    [Fact]
    public void Rolled_back_it_has_no_effect_and_takes_nothing_more()
    {
        var one = _node.Begin();
        Write(one, "ordered", "a", "1");

        Assert.Null(Run(() => one.RollbackAsync(Timeout, default)));
        Assert.Null(Run(() => one.RollbackAsync(Timeout, default)));

        Assert.Equal(ErrorCode.TransactionExpired, Write(one, "ordered", "a", "2")!.Code);
        Assert.Equal(ErrorCode.TransactionExpired, Commit(one).Failure!.Code);
        Assert.Null(_cluster.Newest("ordered", "a"));
    }

    [Fact]
    public void A_committed_one_cannot_be_rolled_back()
    {
        var one = _node.Begin();
        Write(one, "ordered", "a", "1");
        Commit(one);

        Assert.Equal(Outcome.Applied, Run(() => one.RollbackAsync(Timeout, default))!.Outcome);
    }

    [Fact]
    public void It_expires_when_it_lives_too_long_or_nobody_asks()
    {
        var old = _node.Begin(duration: TimeSpan.FromSeconds(1));
        var idle = _node.Begin(duration: TimeSpan.FromSeconds(60));
        var kept = _node.Begin(duration: TimeSpan.FromSeconds(60));

        Pass(TimeSpan.FromSeconds(10));
        Assert.Null(kept.KeepAlive());
        Pass(TimeSpan.FromSeconds(10));

        Assert.Equal(ErrorCode.TransactionExpired, Write(old, "ordered", "a", "1")!.Code);
        Assert.Equal(ErrorCode.TransactionExpired, Write(idle, "ordered", "a", "1")!.Code);
        Assert.Equal(TransactionStatus.Aborted, idle.View.Status);
        Assert.Null(Write(kept, "ordered", "a", "1"));
    }

    [Fact]
    public void It_refuses_to_grow_beyond_its_limits()
    {
        var one = _node.Begin();
        for (var i = 0; i < 15; i++)
            Assert.Null(Write(one, "ordered", $"big{i}", new string('x', 1024 * 1024)));
        Assert.Equal(ErrorCode.TransactionTooLarge, Write(one, "ordered", "big15", new string('x', 1024 * 1024))!.Code);
        Assert.Null(Write(one, "ordered", "big0", "small again"));
        Assert.Null(Write(one, "ordered", "big15", new string('x', 1024 * 1024)));
        Assert.Equal(ErrorCode.ValueTooLarge, Write(one, "ordered", "a", new string('x', (1024 * 1024) + 1))!.Code);
        Assert.Equal(ErrorCode.InvalidKey, Write(one, "ordered", "", "1")!.Code);
        Assert.Equal(ErrorCode.Forbidden, Write(one, "system.meta", "a", "1")!.Code);
        Assert.Equal(ErrorCode.KeyspaceNotFound, Write(one, "nowhere", "a", "1")!.Code);
        Assert.Equal(ErrorCode.InvalidRequest, Write(_node.Begin(readOnly: true), "ordered", "a", "1")!.Code);
    }

    [Fact]
    public void A_snapshot_moves_up_to_what_may_have_been_acknowledged_before_while_nothing_was_read()
    {
        // The writer's clock is ahead: what it wrote before the transaction began lies above the snapshot.
        var one = _node.Begin();
        var range = _cluster.RangeOf("ordered", "a");
        range.Clock.TryReceive(one.ReadTimestamp.Add(TimeSpan.FromMilliseconds(100)));
        _cluster.Put("ordered", "a", "1");

        Assert.Equal("1", Read(one, "ordered", "a"));
        Assert.Equal(_cluster.Versions("ordered", "a")[^1].Commit, one.ReadTimestamp);
    }

    [Fact]
    public void It_is_lost_when_the_snapshot_would_have_to_move_over_a_change_of_what_was_read()
    {
        _cluster.Put("ordered", "x", "0");
        var one = _node.Begin();
        Assert.Equal("0", Read(one, "ordered", "x"));
        foreach (var key in new[] { "a", "x" })
        {
            _cluster.RangeOf("ordered", key).Clock.TryReceive(one.ReadTimestamp.Add(TimeSpan.FromMilliseconds(100)));
            _cluster.Put("ordered", key, "1");
        }

        var failure = Run(() => one.ReadAsync("ordered", "a"u8.ToArray(), Timeout, default).AsTask()).Failure!;

        Assert.Equal(ErrorCode.TransactionConflict, failure.Code);
        Assert.Equal("x", Encoding.UTF8.GetString(Assert.Single(failure.Keys).Key.Span));
        Assert.Equal(ErrorCode.TransactionConflict, Commit(one).Failure!.Code);
    }

    [Fact]
    public void A_node_that_was_seen_before_leaves_less_in_doubt()
    {
        _cluster.Put("ordered", "b", "0");
        var one = _node.Begin();
        Assert.Equal("0", Read(one, "ordered", "b"));
        var at = one.ReadTimestamp;

        // Written after the first contact with the same node: it came after the beginning, so it is not this snapshot's business.
        _cluster.Put("ordered", "a", "later");

        Assert.Null(Read(one, "ordered", "a"));
        Assert.Equal(at, one.ReadTimestamp);
    }

    private string? Read(TransactionCoordinator one, string keyspace, string key)
    {
        var result = Run(() => one.ReadAsync(keyspace, Encoding.UTF8.GetBytes(key), Timeout, default).AsTask());
        Assert.Null(result.Failure);
        return result.Found ? Encoding.UTF8.GetString(result.Value.Span) : null;
    }

    private Failure? Write(TransactionCoordinator one, string keyspace, string key, string value, WriteCondition condition = default) =>
        Run(() => one.WriteAsync(keyspace, ObservedTransaction.Put(key, value, condition), Timeout, default).AsTask());

    private CommitResult Commit(TransactionCoordinator one) => Run(() => one.CommitAsync(null, Timeout, default));

    private List<string> ScanAll(TransactionCoordinator one, string keyspace, ScanQuery query, int limit)
    {
        var rows = new List<string>();
        for (var resume = default(byte[]); ;)
        {
            var page = Run(() => one.ScanAsync(keyspace, query with { ResumeKey = resume }, Timeout, default).AsTask());
            Assert.Null(page.Failure);
            Assert.True(page.Items.Count <= limit);
            rows.AddRange(page.Items.Select(item => $"{Encoding.UTF8.GetString(item.Key.Span)}={Encoding.UTF8.GetString(item.Value.Span)}"));
            resume = page.ResumeKey;
            if (resume is null)
                return rows;
        }
    }

    private T Run<T>(Func<Task<T>> work) => _cluster.Run(_node, work);

    private void Pass(TimeSpan time) => _cluster.World.RunUntil(() => false, time);
}
