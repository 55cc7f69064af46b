using CsCheck;
using GrainDb.Engine.Eventual;
using GrainDb.Interfaces.Eventual;
using Xunit;

namespace GrainDb.Engine.Tests.Eventual;

/// <summary>Data types over the histories that keys really have: their value is a function of the siblings, so it converges when the siblings do.</summary>
public sealed class CrdtProperties
{
    private static readonly Gen<int[]> Skews = Gen.Int[-5000, 5000].Array[CausalHistory.Replicas];

    private static readonly Gen<EventualWrite> AnyIncrement = Gen.Long[-1000, 1000].Select(by => Operate(CrdtOperation.Increment(by)));

    private static readonly Gen<EventualWrite> AnyChangeOfSet = Gen.Select(Gen.Bool, Gen.Byte[0, 5].Array[1, 3])
        .Select((add, elements) => Operate(new(add ? CrdtAction.Add : CrdtAction.Remove, 0, [.. elements.Select(element => new CrdtField(new[] { element }, default))])));

    private static readonly Gen<EventualWrite> AnyChangeOfMap = Gen.Select(Gen.Frequency((3, Gen.Const(CrdtAction.Set)), (1, Gen.Const(CrdtAction.Remove))), Gen.Byte[0, 3], Gen.Byte)
        .Select((action, field, value) => Operate(new(action, 0, [new(new[] { field }, action == CrdtAction.Set ? new[] { value } : default)])));

    /// <summary>Every increment counts once, however often and in whatever order states travel.</summary>
    [Fact]
    public void A_counter_is_the_sum_of_the_increments_that_were_heard_of() =>
        Gen.Select(Skews, CausalHistory.Steps(AnyIncrement)).Sample((skews, steps) =>
        {
            var history = CausalHistory.Run(ConflictPolicy.Counter, skews, steps);
            for (var replica = 0; replica < CausalHistory.Replicas; replica++)
            {
                var expected = history.Heard[replica].Sum(dot => history.Writes[dot].What.Operation!.By);
                Assert.Equal(expected, CrdtReading.Counter(history.States[replica]).Value);
            }
        }, iter: 3000);

    /// <summary>A deletion takes away exactly what it has seen.</summary>
    [Fact]
    public void A_deleted_counter_keeps_what_the_deletion_had_not_heard_of() =>
        Gen.Select(Skews, CausalHistory.Steps(Gen.Frequency((5, AnyIncrement), (1, Gen.Const(Delete))))).Sample((skews, steps) =>
        {
            var history = CausalHistory.Run(ConflictPolicy.Counter, skews, steps);
            for (var replica = 0; replica < CausalHistory.Replicas; replica++)
            {
                var heard = history.Heard[replica];
                var deletions = heard.Where(dot => history.Writes[dot].What.Kind == EventualWriteKind.Delete).ToList();
                var expected = heard.Except(deletions)
                    .Where(dot => !deletions.Any(deletion => history.Writes[deletion].Known.Contains(dot)))
                    .Sum(dot => history.Writes[dot].What.Operation!.By);
                Assert.Equal(expected, CrdtReading.Counter(history.States[replica]).Value);
            }
        }, iter: 3000);

    /// <summary>An element is in the set while an addition stands that no removal has seen.</summary>
    [Fact]
    public void A_set_holds_what_was_added_and_not_removed_by_somebody_who_had_seen_it() =>
        Gen.Select(Skews, CausalHistory.Steps(Gen.Frequency((8, AnyChangeOfSet), (1, Gen.Const(Delete))))).Sample((skews, steps) =>
        {
            var history = CausalHistory.Run(ConflictPolicy.ObservedRemoveSet, skews, steps);
            for (var replica = 0; replica < CausalHistory.Replicas; replica++)
            {
                var heard = history.Heard[replica];
                var expected = Enumerable.Range(0, 6).Select(element => (byte)element)
                    .Where(element => heard.Any(dot => Adds(history, dot, element) && !heard.Any(other => Ends(history, other, dot, element))));
                Assert.Equal(expected, CrdtReading.Map(history.States[replica]).Names.Select(name => name.Span[0]));
            }
        }, iter: 3000);

    [Fact]
    public void Maps_converge_and_a_field_is_the_latest_of_the_writes_that_stand() =>
        Gen.Select(Skews, CausalHistory.Steps(AnyChangeOfMap)).Sample((skews, steps) =>
        {
            var history = CausalHistory.Run(ConflictPolicy.LastWriterWinsMap, skews, steps);
            history.Converge();
            var maps = history.States.Select(CrdtReading.Map).ToList();
            Assert.All(maps, map => Assert.Equal(maps[0], map));
            foreach (var name in maps[0].Names)
            {
                var winner = maps[0].WinnerOf(name)!.Value;
                Assert.All(maps[0].WritesOf(name), write => Assert.True(write == winner || winner.WinsOver(write)));
                Assert.Equal(history.Writes[winner.Dot].What.Operation!.Fields[^1].Value.ToArray(), winner.Value.ToArray());
            }
        }, iter: 2000);

    [Fact]
    public void Joining_is_commutative_associative_and_idempotent() =>
        Gen.Select(Skews, CausalHistory.Steps(AnyChangeOfMap), CausalHistory.Steps(AnyIncrement)).Sample((skews, changes, increments) =>
        {
            var maps = CausalHistory.Run(ConflictPolicy.LastWriterWinsMap, skews, changes).States.Select(CrdtReading.Map).ToList();
            var counters = CausalHistory.Run(ConflictPolicy.Counter, skews, increments).States.Select(CrdtReading.Counter).ToList();
            CheckLaws(maps, (a, b) => a.Join(b));
            CheckLaws(counters, (a, b) => a.Join(b));
            Assert.All(maps, map => Assert.Equal(map, DotMapState.Decode(map.Encode())));
            Assert.All(counters, counter => Assert.Equal(counter, CounterState.Decode(counter.Encode())));
        }, iter: 1000);

    /// <summary>A key whose remains were collected here and not yet there: what comes back from there does not count again.</summary>
    [Fact]
    public void A_counter_that_was_forgotten_begins_at_zero_even_when_its_remains_come_back()
    {
        var actor = CausalHistory.Actor(0);
        var remains = CounterState.Zero.Increment(new Dot(actor, 5), 10).Reset();
        var anew = CounterState.Zero.Increment(new Dot(actor, 9), 1);
        Assert.Equal(1, remains.Join(anew).Value);
        Assert.Equal(1, CounterState.Zero.Increment(new Dot(actor, 5), 10).Join(anew).Value);
    }

    private static EventualWrite Delete => new() { Key = "k"u8.ToArray(), Kind = EventualWriteKind.Delete };

    private static EventualWrite Operate(CrdtOperation operation) => new() { Key = "k"u8.ToArray(), Kind = EventualWriteKind.Operate, Operation = operation };

    private static void CheckLaws<T>(List<T> states, Func<T, T, T> join)
    {
        foreach (var a in states)
        {
            Assert.Equal(a, join(a, a));
            foreach (var b in states)
            {
                Assert.Equal(join(a, b), join(b, a));
                foreach (var c in states)
                    Assert.Equal(join(join(a, b), c), join(a, join(b, c)));
            }
        }
    }

    private static bool Adds(CausalHistory history, Dot dot, byte element) =>
        history.Writes[dot].What.Operation is { Action: CrdtAction.Add } add && add.Fields.Any(field => field.Name.Span[0] == element);

    /// <summary>Whether a write took an addition of an element away: a removal or deletion by its context where it has one, another addition by what its coordinator knew.</summary>
    private static bool Ends(CausalHistory history, Dot by, Dot addition, byte element)
    {
        var (_, _, known, context, what) = history.Writes[by];
        var names = what.Kind == EventualWriteKind.Delete || what.Operation!.Fields.Any(field => field.Name.Span[0] == element);
        return known.Contains(addition) && names && (what.Operation is { Action: CrdtAction.Add } || context is null || context.Contains(addition));
    }
}
