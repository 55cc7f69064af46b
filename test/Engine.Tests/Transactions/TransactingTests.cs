using System.Text;
using CsCheck;
using GrainDb.Engine.Tests.Ranges;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Transactions;

/// <summary>One-request transactions in one range: evaluated in log order, pipelined like conditional writes.</summary>
public sealed class TransactingTests
{
    [Fact]
    public void Increments_of_a_hot_key_follow_each_other_in_one_batch()
    {
        var rig = new ParticipantRig();
        rig.Range.Write(RangeRig.Put("n", "40"));
        var before = rig.Range.Disk.Operations;

        var increments = Enumerable.Range(0, 20).Select(_ => rig.BeginTransact(Incrementing("n", 1))).ToList();
        rig.Range.Flush();

        Assert.Equal(Enumerable.Range(41, 20).Select(value => (long?)value), increments.Select(increment => Assert.Single(increment.Answered().Increments)));
        Assert.Equal("60", rig.Value("n"));
        Assert.InRange(rig.Range.Disk.Operations - before, 1, 4);
    }

    [Fact]
    public void Checks_reads_and_increments_see_what_is_proposed_and_wait_for_it()
    {
        var rig = new ParticipantRig();
        var first = rig.BeginTransact(Incrementing("n", 7));

        var second = rig.BeginTransact(new TransactRequest { Checks = [Check("n", CheckKind.ValueEquals, "7")], Reads = [Read("n"), Rows("a", "z", 10)] });
        var third = rig.BeginTransact(new TransactRequest { Checks = [Check("n", CheckKind.NotExists)] });
        Assert.False(second.IsCompleted, "what it saw is not durable");
        Assert.False(third.IsCompleted, "that a check fails rests on what is not durable");
        rig.Range.Flush();

        Assert.Null(first.Answered().Failure);
        Assert.True(second.Answered().Committed);
        Assert.Equal("7", Text(second.Answered().Reads[0].Item!.Value));
        Assert.Equal("7", Text(Assert.Single(second.Answered().Reads[1].Rows!)));
        Assert.Equal((false, 0), (third.Answered().Committed, Assert.Single(third.Answered().FailedChecks)));
    }

    [Fact]
    public void Bounded_takings_of_a_hot_key_follow_each_other_in_one_batch_and_stop_at_the_bound()
    {
        var rig = new ParticipantRig();
        rig.Range.Write(RangeRig.Put("stock", "12"));
        var before = rig.Range.Disk.Operations;

        var takings = Enumerable.Range(0, 20)
            .Select(_ => rig.BeginTransact(Incrementing("stock", -1) with { Checks = [Check("stock", CheckKind.AtLeast) with { Bound = 1 }] }))
            .ToList();
        rig.Range.Flush();

        Assert.Equal(Enumerable.Range(0, 20).Select(index => index < 12), takings.Select(taking => taking.Answered().Committed));
        Assert.Equal("0", rig.Value("stock"));
        Assert.InRange(rig.Range.Disk.Operations - before, 1, 4);
    }

    [Theory]
    [InlineData(null, 0, true, true)]
    [InlineData("7", 7, true, true)]
    [InlineData("-3", -2, false, true)]
    [InlineData("8", 7, true, false)]
    [InlineData("+7", 7, false, false)]
    [InlineData("seven", 7, false, false)]
    public void A_bound_is_checked_against_an_integer_as_increments_keep_it(string? there, long bound, bool isAtLeast, bool isAtMost)
    {
        var rig = new ParticipantRig();
        if (there is not null)
            rig.Range.Write(RangeRig.Put("n", there));

        var result = rig.Transact(new TransactRequest
        {
            Checks = [Check("n", CheckKind.AtLeast) with { Bound = bound }, Check("n", CheckKind.AtMost) with { Bound = bound }],
        });

        Assert.Equal((isAtLeast, isAtMost), (!result.FailedChecks.Contains(0), !result.FailedChecks.Contains(1)));
    }

    [Fact]
    public void Reads_are_of_the_state_before_the_writes()
    {
        var rig = new ParticipantRig();
        rig.Range.Write(RangeRig.Put("a", "old"));

        var result = rig.Transact(new TransactRequest { Reads = [Read("a"), Read("none")], Writes = [Writing(RangeRig.Put("a", "new"))] });

        Assert.True(result.Committed);
        Assert.Equal("old", Text(result.Reads[0].Item!.Value));
        Assert.Null(result.Reads[1].Item);
        Assert.Equal(result.CommitTimestamp, rig.Read("a").Version);
    }

    [Fact]
    public void A_failed_check_writes_nothing_and_names_itself()
    {
        var rig = new ParticipantRig();
        var version = rig.Range.Write(RangeRig.Put("a", "1")).Version;

        var result = rig.Transact(new TransactRequest
        {
            Checks = [Check("a", CheckKind.Exists), Check("a", CheckKind.VersionEquals) with { Version = version.Next }, Check("b", CheckKind.Exists), Check("b", CheckKind.NotExists)],
            Writes = [Writing(RangeRig.Put("a", "2"))],
        });

        Assert.False(result.Committed);
        Assert.Equal([1, 2], result.FailedChecks);
        Assert.Equal("1", rig.Value("a"));
    }

    [Fact]
    public void An_increment_of_what_is_no_integer_is_refused()
    {
        var rig = new ParticipantRig();
        rig.Range.Write(RangeRig.Put("text", "seven"), RangeRig.Put("large", $"{long.MaxValue}"));

        Assert.Equal((ErrorCode.NotAnInteger, Outcome.NotApplied), Code(rig.Transact(Incrementing("text", 1)).Failure!));
        Assert.Equal((ErrorCode.NotAnInteger, Outcome.NotApplied), Code(rig.Transact(Incrementing("large", 1)).Failure!));
        Assert.Equal(long.MaxValue - 1, rig.Transact(Incrementing("large", -1)).Increments[0]);
    }

    [Theory]
    [InlineData(null, 5, 5L)]
    [InlineData("-3", 5, 2L)]
    [InlineData("007", 1, 8L)]
    [InlineData("", 1, null)]
    [InlineData("+3", 1, null)]
    [InlineData("3 ", 1, null)]
    [InlineData("9223372036854775808", 1, null)]
    [InlineData("-9223372036854775808", -1, null)]
    public void Integers_are_decimal_text(string? current, long by, long? sum) =>
        Assert.Equal(sum, Increment.Add(current is null ? null : (ReadOnlyMemory<byte>?)Encoding.UTF8.GetBytes(current), by));

    [Fact]
    public void It_waits_for_intents_and_locks_and_is_evaluated_afterwards()
    {
        var rig = new ParticipantRig();
        var (holder, prepared) = rig.Prepared(RangeRig.Put("n", "10"));
        var incrementing = rig.BeginTransact(Incrementing("n", 1));
        var reading = rig.BeginTransact(new TransactRequest { Reads = [Rows("a", "z", 10)] });
        rig.Range.Flush();
        Assert.False(incrementing.IsCompleted || reading.IsCompleted);

        rig.Resolve(holder, prepared);
        rig.Range.Flush();

        Assert.Equal(11, incrementing.Answered().Increments[0]);
        Assert.Single(reading.Answered().Reads[0].Rows!);
    }

    [Fact]
    public void A_repeated_transaction_commits_once()
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();
        var first = rig.BeginTransact(Incrementing("n", 1), id);
        var second = rig.BeginTransact(Incrementing("n", 1), id);
        rig.Range.Flush();
        var third = rig.Transact(Incrementing("n", 1), id);

        Assert.Equal(first.Answered().CommitTimestamp, second.Answered().CommitTimestamp);
        Assert.Equal(first.Answered().CommitTimestamp, third.CommitTimestamp);
        Assert.Equal("1", rig.Value("n"));
    }

    [Fact]
    public void A_transaction_after_its_deadline_is_refused_if_it_writes()
    {
        var rig = new ParticipantRig();
        var old = rig.NewId(TimeSpan.FromSeconds(31));

        Assert.Equal(ErrorCode.TransactionExpired, rig.Transact(Incrementing("n", 1), old).Failure!.Code);
    }

    /// <summary>Any mix of proposals and stored versions, read through both, equals what is read once everything is applied.</summary>
    [Fact]
    public void An_interval_read_through_proposals_equals_the_one_read_afterwards() =>
        Gen.Select(Gen.Select(Gen.Int[0, 7], Gen.Bool).Array[0, 8], Gen.Select(Gen.Int[0, 7], Gen.Bool).Array[0, 8], Gen.Int[1, 9]).Sample((stored, proposed, limit) =>
        {
            var rig = new ParticipantRig();
            foreach (var (key, delete) in stored)
                rig.Range.Write(delete ? RangeRig.Delete($"k{key}") : RangeRig.Put($"k{key}", "stored"));
            foreach (var (key, delete) in proposed)
                _ = rig.Range.Begin(delete ? RangeRig.Delete($"k{key}") : RangeRig.Put($"k{key}", "proposed"));

            var early = rig.BeginTransact(new TransactRequest { Reads = [Rows("k1", "k7", limit)] });
            rig.Range.Flush();
            var late = rig.Transact(new TransactRequest { Reads = [Rows("k1", "k7", limit)] });

            Assert.Equal(Describe(late), Describe(early.Answered()));
        }, iter: 300);

    private static string Describe(TransactResult result) =>
        string.Join(' ', result.Reads[0].Rows!.Select(row => $"{Encoding.UTF8.GetString(row.Key.Span)}={Text(row)}@{row.Version}"));

    private static string Text(ScanItem item) => Encoding.UTF8.GetString(item.Value.Span);

    private static (ErrorCode Code, Outcome Outcome) Code(Failure failure) => (failure.Code, failure.Outcome);

    private static TransactRequest Incrementing(string key, long by) => new() { Writes = [new TransactWrite("", RangeRig.Put(key, ""), by)] };

    private static TransactWrite Writing(KeyWrite write) => new("", write, null);

    private static TransactCheck Check(string key, CheckKind kind, string value = "") => new("", Records.Key(key), kind, default, Records.Key(value));

    private static TransactRead Read(string key) => new("", Records.Key(key), IsScan: false, null, 0);

    private static TransactRead Rows(string start, string? end, int limit) => new("", Records.Key(start), IsScan: true, end is null ? null : (ReadOnlyMemory<byte>?)Records.Key(end), limit);
}
