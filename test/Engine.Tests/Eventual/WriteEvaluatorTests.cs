using System.Text;
using GrainDb.Engine.Eventual;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using Xunit;

namespace GrainDb.Engine.Tests.Eventual;

public sealed class WriteEvaluatorTests
{
    private static readonly Guid Actor = CausalHistory.Actor(0);
    private static readonly Timestamp Now = Timestamp.FromParts(1_000_000_000, 0);
    private ulong _counter;

    [Fact]
    public void A_put_without_context_makes_a_sibling_and_one_with_context_takes_the_place_of_what_it_saw()
    {
        var one = Apply(DottedSet.Empty, Put("a"));
        var two = Apply(one, Put("b"));
        var three = Apply(two, Put("c") with { Context = CausalContext.Of(one, "k"u8).Encode() });

        Assert.Equal(["b", "c"], Values(three));
        Assert.Equal(["d"], Values(Apply(three, Put("d") with { Context = CausalContext.Of(three, "k"u8).Encode() })));
    }

    [Fact]
    public void A_resolution_by_a_writer_is_recorded_with_what_it_ended()
    {
        var two = Apply(Apply(DottedSet.Empty, Put("a")), Put("b"));
        Assert.Null(WriteEvaluator.Evaluate(ConflictPolicy.Siblings, two, Put("c") with { Context = CausalContext.Of(two, "k"u8).Encode() }, Next(), Now, EventualFaults.None, out var result));

        var conflict = Assert.Single(result.Conflicts);
        Assert.Equal(ConflictResolution.Writer, conflict.Resolution);
        Assert.Equal(["a", "b"], conflict.Losers.Select(loser => Encoding.UTF8.GetString(loser.Value.Span)));
    }

    [Fact]
    public void The_thirty_third_sibling_is_refused_with_the_reason_and_a_write_with_context_is_not()
    {
        var set = DottedSet.Empty;
        for (var sibling = 0; sibling < EventualLimits.MaxSiblings; sibling++)
            set = Apply(set, Put("v"));

        var failure = WriteEvaluator.Evaluate(ConflictPolicy.Siblings, set, Put("v"), Next(), Now, EventualFaults.None, out _);

        Assert.Equal((ErrorCode.TooManySiblings, Outcome.NotApplied), (failure!.Code, failure.Outcome));
        Assert.Contains("32", failure.Detail, StringComparison.Ordinal);
        Assert.Single(Apply(set, Put("v") with { Context = CausalContext.Of(set, "k"u8).Encode() }).Siblings);
    }

    [Fact]
    public void Siblings_are_bounded_in_bytes_too()
    {
        var large = new string('x', EventualLimits.MaxValueBytes);
        var set = DottedSet.Empty;
        for (var sibling = 0; sibling < 3; sibling++)
            set = Apply(set, Put(large));

        Assert.Equal(ErrorCode.TooManySiblings, WriteEvaluator.Evaluate(ConflictPolicy.Siblings, set, Put(large), Next(), Now, EventualFaults.None, out _)!.Code);
        Assert.Equal(ErrorCode.ValueTooLarge, WriteEvaluator.Evaluate(ConflictPolicy.Siblings, DottedSet.Empty, Put(large + "xx"), Next(), Now, EventualFaults.None, out _)!.Code);
    }

    [Fact]
    public void A_deletion_without_context_takes_away_what_is_here()
    {
        var deleted = Apply(Apply(Apply(DottedSet.Empty, Put("a")), Put("b")), Delete());
        Assert.True(Assert.Single(deleted.Siblings).IsTombstone);
    }

    [Fact]
    public void A_write_is_later_than_what_it_has_seen_even_when_the_clock_is_not()
    {
        var ahead = new CausalContext(VersionVector.Of(new Dot(CausalHistory.Actor(1), 7)), Now.Add(TimeSpan.FromHours(1)), CausalContext.HashOf("k"u8));
        var set = Apply(DottedSet.Empty, Put("a") with { Context = ahead.Encode() });
        Assert.Equal(ahead.Newest.Next, set.NewestTimestamp);
    }

    [Fact]
    public void A_context_from_the_future_or_of_writes_that_were_never_made_is_refused()
    {
        var future = new CausalContext(VersionVector.Empty, Now.Add(TimeSpan.FromDays(2)), CausalContext.HashOf("k"u8));
        var invented = new CausalContext(VersionVector.Of(new Dot(Actor, 1_000)), Now, CausalContext.HashOf("k"u8));
        foreach (var context in new[] { future, invented })
        {
            var failure = WriteEvaluator.Evaluate(ConflictPolicy.Siblings, DottedSet.Empty, Put("a") with { Context = context.Encode() }, Next(), Now, EventualFaults.None, out _);
            Assert.Equal((ErrorCode.InvalidRequest, Outcome.NotApplied), (failure!.Code, failure.Outcome));
        }
    }

    /// <summary>Counters are positions in a log that all keys of the partition share: the context of another key would cover values that nobody looked at.</summary>
    [Fact]
    public void The_context_of_another_key_is_refused()
    {
        var one = Apply(DottedSet.Empty, Put("a"));
        var failure = WriteEvaluator.Evaluate(ConflictPolicy.Siblings, one, Put("b") with { Context = CausalContext.Of(one, "other"u8).Encode() }, Next(), Now, EventualFaults.None, out _);
        Assert.Equal((ErrorCode.InvalidRequest, Outcome.NotApplied), (failure!.Code, failure.Outcome));
    }

    /// <summary>A cache that is written with a time to live and without contexts must not fill up with what nobody can read.</summary>
    [Fact]
    public void Values_that_have_expired_do_not_count_as_siblings()
    {
        var set = DottedSet.Empty;
        for (var sibling = 0; sibling < EventualLimits.MaxSiblings; sibling++)
            set = Apply(set, Put("v") with { TimeToLive = sibling == 7 ? null : TimeSpan.FromSeconds(1) });

        Assert.Null(WriteEvaluator.Evaluate(ConflictPolicy.Siblings, set, Put("new"), Next(), Now.Add(TimeSpan.FromSeconds(2)), EventualFaults.None, out var result));

        Assert.Equal(["v", "new"], Values(result.Set));
        Assert.Empty(result.Conflicts);
        Assert.Equal(ErrorCode.TooManySiblings, WriteEvaluator.Evaluate(ConflictPolicy.Siblings, set, Put("new"), Next(), Now, EventualFaults.None, out _)!.Code);
    }

    [Theory]
    [InlineData(ConflictPolicy.Siblings, CrdtAction.Increment)]
    [InlineData(ConflictPolicy.Counter, CrdtAction.Add)]
    [InlineData(ConflictPolicy.ObservedRemoveSet, CrdtAction.Set)]
    [InlineData(ConflictPolicy.Register, CrdtAction.Remove)]
    public void An_operation_of_another_type_is_refused(ConflictPolicy policy, CrdtAction action)
    {
        var write = new EventualWrite { Key = "k"u8.ToArray(), Kind = EventualWriteKind.Operate, Operation = new(action, 1, [new("x"u8.ToArray(), default)]) };
        Assert.Equal(ErrorCode.UnsupportedForFamily, WriteEvaluator.Evaluate(policy, DottedSet.Empty, write, Next(), Now, EventualFaults.None, out _)!.Code);
    }

    [Fact]
    public void A_plain_value_is_refused_where_keys_hold_a_data_type() =>
        Assert.Equal(ErrorCode.UnsupportedForFamily, WriteEvaluator.Evaluate(ConflictPolicy.Counter, DottedSet.Empty, Put("a"), Next(), Now, EventualFaults.None, out _)!.Code);

    [Fact]
    public void A_counter_that_would_leave_its_bits_is_refused()
    {
        var write = new EventualWrite { Key = "k"u8.ToArray(), Kind = EventualWriteKind.Operate, Operation = CrdtOperation.Increment(long.MaxValue) };
        Assert.Null(WriteEvaluator.Evaluate(ConflictPolicy.Counter, DottedSet.Empty, write, Next(), Now, EventualFaults.None, out var full));
        Assert.Equal(ErrorCode.InvalidRequest, WriteEvaluator.Evaluate(ConflictPolicy.Counter, full.Set, write, Next(), Now, EventualFaults.None, out _)!.Code);
    }

    private static EventualWrite Put(string value) =>
        new() { Key = "k"u8.ToArray(), Kind = EventualWriteKind.Put, Value = Encoding.UTF8.GetBytes(value), ContentType = "text/plain" };

    private static EventualWrite Delete() => new() { Key = "k"u8.ToArray(), Kind = EventualWriteKind.Delete };

    private static IEnumerable<string> Values(DottedSet set) =>
        set.Siblings.Select(sibling => Encoding.UTF8.GetString(Engine.Ranges.StoredValue.Read(sibling.Stored).Value.Span));

    private Dot Next() => new(Actor, ++_counter);

    private DottedSet Apply(DottedSet set, EventualWrite write)
    {
        Assert.Null(WriteEvaluator.Evaluate(ConflictPolicy.Siblings, set, write, Next(), Now, EventualFaults.None, out var result));
        return result.Set;
    }
}
