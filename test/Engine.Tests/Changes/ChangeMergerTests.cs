using CsCheck;
using GrainDb.Engine.Changes;
using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Changes;

public sealed class ChangeMergerTests
{
    private static readonly FeedPosition Beginning = new(new Timestamp(10), Delivered: 0, Incarnation: 1);

    [Fact]
    public void A_change_waits_until_every_source_is_resolved_up_to_it()
    {
        var merger = new ChangeMerger(Beginning, sources: 2);
        merger.Add(0, Answer(resolved: 30, Change(0, 20)));

        Assert.Empty(merger.Take(100, 100));
        Assert.Equal(20UL, merger.Wanted.Value);

        merger.Add(1, Answer(resolved: 20));
        Assert.Equal([20], Versions(merger.Take(100, 100)));
        Assert.True(merger.Wanted.IsZero);
    }

    [Fact]
    public void The_writes_of_one_version_come_together_in_the_order_of_their_keys()
    {
        var merger = new ChangeMerger(Beginning, sources: 2);
        merger.Add(1, Answer(resolved: 30, Change(5, 20), Change(6, 20)));
        merger.Add(0, Answer(resolved: 30, Change(1, 20), Change(2, 25)));

        var taken = merger.Take(100, 100);

        Assert.Equal([1, 5, 6, 2], taken.Select(next => (int)next.Change.Key.Span[0]));
        Assert.Equal([(20UL, 1), (20UL, 2), (20UL, 0), (25UL, 0)], taken.Select(next => (next.Position.Timestamp.Value, next.Position.Delivered)));
    }

    [Fact]
    public void Without_changes_the_position_moves_to_where_all_are_resolved()
    {
        var merger = new ChangeMerger(Beginning, sources: 2);
        merger.Add(0, Answer(resolved: 40));
        merger.Add(1, Answer(resolved: 30));

        Assert.Empty(merger.Take(100, 100));
        Assert.Equal(new FeedPosition(new Timestamp(30), 0, 1), merger.Position);
    }

    [Fact]
    public void A_position_inside_a_version_is_kept_until_the_version_is_resolved()
    {
        var inside = new FeedPosition(new Timestamp(20), Delivered: 1, Incarnation: 1);
        var merger = new ChangeMerger(inside, sources: 1);
        Assert.Equal(19UL, merger.FrontierOf(0).Value);
        merger.Add(0, Answer(resolved: 19));

        Assert.Empty(merger.Take(100, 100));
        Assert.Equal(inside, merger.Position);

        merger.Add(0, Answer(resolved: 20, Change(1, 20), Change(2, 20)));
        Assert.Equal((2, new FeedPosition(new Timestamp(20), 0, 1)), merger.Take(100, 100).Select(next => ((int)next.Change.Key.Span[0], next.Position)).Single());
    }

    [Fact]
    public void A_second_answer_to_the_same_question_adds_nothing()
    {
        var merger = new ChangeMerger(Beginning, sources: 1);
        var answer = Answer(resolved: 30, Change(1, 20));
        merger.Add(0, answer);
        merger.Add(0, answer);

        Assert.Single(merger.Take(100, 100));
        Assert.Equal(0, merger.WaitingBytes);
    }

    /// <summary>Whatever the sources answer in which pieces, and wherever readers stop and go on: all of it, once, in order, always with the same positions.</summary>
    [Fact]
    public void Any_reader_that_goes_on_at_any_position_sees_the_same_feed() =>
        Gen.Select(Gen.Int[1, 4], Histories, Gen.Int[0, int.MaxValue]).Sample((sources, history, seed) =>
        {
            var all = ReadAll(sources, history, Beginning, new Random(seed));
            Assert.Equal(
                history.Distinct().OrderBy(change => change.Version).ThenBy(change => change.Key).Select(change => ((byte)change.Key, (ulong)change.Version)),
                all.Select(next => (next.Change.Key.Span[0], next.Change.Version.Value)));
            Assert.Equal(all.Count, all.Select(next => next.Position).Distinct().Count());
            for (var read = 0; read < all.Count; read++)
            {
                var rest = ReadAll(sources, history, all[read].Position, new Random(seed + read));
                Assert.Equal(Described(all.Skip(read + 1)), Described(rest));
            }
        }, iter: 200);

    private static readonly Gen<(int Key, int Version)[]> Histories = Gen.Select(Gen.Int[0, 9], Gen.Int[11, 25]).Array[0, 40];

    private static IEnumerable<(FeedPosition, byte, ulong)> Described(IEnumerable<(FeedPosition Position, RangeChange Change)> changes) =>
        changes.Select(next => (next.Position, next.Change.Key.Span[0], next.Change.Version.Value));

    private static List<(FeedPosition Position, RangeChange Change)> ReadAll(int sources, (int Key, int Version)[] history, FeedPosition from, Random random)
    {
        const ulong Last = 26;
        var merger = new ChangeMerger(from, sources);
        var read = new List<(FeedPosition, RangeChange)>();
        while (merger.Resolved.Value < Last)
        {
            var source = random.Next(sources);
            var after = merger.FrontierOf(source).Value;
            var resolved = Math.Min(Last, after + (ulong)random.Next(4));
            var answered = history.Distinct()
                .Where(change => change.Key * sources / 10 == source && (ulong)change.Version > after && (ulong)change.Version <= resolved)
                .OrderBy(change => change.Version).ThenBy(change => change.Key)
                .Select(change => Change(change.Key, change.Version));
            merger.Add(source, Answer(resolved, [.. answered]));
            read.AddRange(merger.Take(1 + random.Next(3), 1 + random.Next(4)));
        }

        for (var more = merger.Take(3, 100); more.Count > 0; more = merger.Take(3, 100))
            read.AddRange(more);
        Assert.Equal(0, merger.WaitingBytes);
        return read;
    }

    private static IEnumerable<int> Versions(List<(FeedPosition Position, RangeChange Change)> taken) => taken.Select(next => (int)next.Change.Version.Value);

    private static RangeChangesResult Answer(ulong resolved, params RangeChange[] changes) => new() { Changes = changes, Resolved = new Timestamp(resolved) };

    private static RangeChange Change(int key, int version) =>
        new(new[] { (byte)key }, new Timestamp((ulong)version), false, default, default, "", default, TransactionId.None);
}
