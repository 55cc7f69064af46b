using GrainDb.Engine.Tests.Ranges;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Transactions;

/// <summary>The same request twice has one effect and one answer.</summary>
public sealed class IdempotencyTests
{
    private static readonly IdempotencyStamp Stamp = new("order-17", 4711, "answer"u8.ToArray());

    [Fact]
    public void A_repeated_write_gives_the_first_result_whatever_happened_since_also_after_a_restart()
    {
        var rig = new ParticipantRig();
        rig.Range.Write(RangeRig.Put("a", "0"));
        var write = Stamped(RangeRig.Put("a", "1"));
        var first = rig.Write(write);
        Assert.Equal((false, true), (first.IsRepeated, first.Existed));
        rig.Range.Write(RangeRig.Delete("a"));

        var again = rig.Write(write);
        Assert.Equal((true, true, first.Version), (again.IsRepeated, again.Existed, again.Version));
        rig.Range.Replica.Checkpoint(CancellationToken.None);
        rig.Restart();
        again = rig.Write(write);
        Assert.Equal((true, first.Version), (again.IsRepeated, again.Version));
        Assert.Null(rig.Value("a"));
        Assert.Equal(first.Version, rig.Range.Replica.FindResult(Stamp.Key, Stamp.RequestHash)!.Version);
    }

    [Fact]
    public void A_repetition_of_what_is_on_its_way_waits_for_it()
    {
        var rig = new ParticipantRig();
        var first = rig.BeginWrite(Stamped(RangeRig.Put("a", "1")));
        var second = rig.BeginWrite(Stamped(RangeRig.Put("a", "1")));
        Assert.False(second.IsCompleted);
        rig.Range.Flush();

        Assert.Equal((first.Answered().Version, true), (second.Answered().Version, second.Answered().IsRepeated));
    }

    [Fact]
    public void The_same_key_with_another_request_is_refused_stored_or_on_its_way()
    {
        var rig = new ParticipantRig();
        var other = new RangeWrite([RangeRig.Put("a", "2")], Generation: 1) { Idempotency = Stamp with { RequestHash = 1 } };
        var first = rig.BeginWrite(Stamped(RangeRig.Put("a", "1")));
        Assert.Equal(ErrorCode.IdempotencyMismatch, rig.BeginWrite(other).Answered().Failure!.Code);
        Assert.Null(rig.Flushed(first).Failure);

        Assert.Equal((ErrorCode.IdempotencyMismatch, Outcome.NotApplied), (rig.Write(other).Failure!.Code, rig.Write(other).Failure!.Outcome));
    }

    [Fact]
    public void Deleting_what_is_not_there_is_remembered_too()
    {
        var rig = new ParticipantRig();
        var first = rig.Write(Stamped(RangeRig.Delete("a")));
        rig.Range.Write(RangeRig.Put("a", "1"));

        Assert.Equal(first.Version, rig.Write(Stamped(RangeRig.Delete("a"))).Version);
        Assert.Equal("1", rig.Value("a"));
    }

    [Fact]
    public void A_transaction_that_commits_stores_its_result_and_one_that_aborts_does_not()
    {
        var rig = new ParticipantRig();
        var (aborted, committed, repeated) = (rig.NewId(), rig.NewId(), rig.NewId());
        rig.PreparedAt(Stamped(rig.Work(aborted, aborted.Began, RangeRig.Put("a", "1"))));
        rig.Abort(aborted);
        var prepared = rig.PreparedAt(Stamped(rig.Work(committed, rig.Now, RangeRig.Put("a", "1"))));
        rig.Resolve(committed, prepared.Next);

        var again = rig.Prepare(Stamped(rig.Work(repeated, rig.Now, RangeRig.Put("a", "1"))));

        Assert.Equal(prepared.Next, again.Repeated!.Version);
        Assert.Equal("answer"u8.ToArray(), again.Repeated.Answer.ToArray());
        Assert.Equal(0, rig.Range.Replica.Transactions.Prepared.Count);
    }

    [Fact]
    public void A_repetition_of_an_undecided_transaction_waits_and_is_in_progress_when_that_takes_too_long()
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();
        var prepared = rig.PreparedAt(Stamped(rig.Work(id, id.Began, RangeRig.Put("a", "1"))));
        var patient = rig.BeginWrite(Stamped(RangeRig.Put("b", "1")));
        var younger = rig.NewId();
        Assert.Equal(ErrorCode.IdempotencyInProgress, rig.Prepare(Stamped(rig.Work(younger, rig.Now, RangeRig.Put("a", "1")))).Failure!.Code);

        rig.Range.Pass(TimeSpan.FromSeconds(4));
        Assert.Equal((ErrorCode.IdempotencyInProgress, Outcome.NotApplied), (patient.Answered().Failure!.Code, patient.Answered().Failure!.Outcome));
        var last = rig.BeginWrite(Stamped(RangeRig.Put("b", "1")));
        rig.Resolve(id, prepared);
        Assert.Equal((true, prepared), (rig.Flushed(last).IsRepeated, last.Answered().Version));
    }

    [Fact]
    public void A_commit_and_a_transaction_in_one_request_are_remembered_by_their_key()
    {
        var rig = new ParticipantRig();
        var (first, second) = (rig.NewId(), rig.NewId());
        var commit = rig.Commit(Stamped(rig.Work(first, first.Began, RangeRig.Put("a", "1")))).CommitTimestamp;
        var again = rig.Commit(Stamped(rig.Work(second, rig.Now, RangeRig.Put("a", "1"))));
        Assert.Equal((commit, commit), (again.CommitTimestamp, again.Repeated!.Version));

        var increment = new TransactRequest
        {
            Reads = [new TransactRead("", Records.Key("a"), IsScan: false, null, 0)],
            Writes = [new TransactWrite("", RangeRig.Put("n", ""), 5)],
            Idempotency = Stamp with { Key = "other" },
        };
        var counted = rig.Transact(increment);
        rig.Restart();
        var repeated = rig.Transact(increment);
        Assert.Equal((counted.CommitTimestamp, 5), (repeated.CommitTimestamp, repeated.Increments[0]));
        Assert.NotNull(repeated.Repeated);
        Assert.Equal("1"u8.ToArray(), repeated.Reads[0].Item!.Value.Value.ToArray());
        Assert.Equal("5", rig.Value("n"));
    }

    private static RangeWrite Stamped(KeyWrite write) => new([write], Generation: 1) { Idempotency = Stamp };

    private static TransactionWork Stamped(TransactionWork work) => work with { Idempotency = Stamp };
}
