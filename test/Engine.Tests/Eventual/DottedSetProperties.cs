using System.Text;
using CsCheck;
using GrainDb.Engine.Eventual;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using Xunit;

namespace GrainDb.Engine.Tests.Eventual;

public sealed class DottedSetProperties
{
    private static readonly Gen<EventualWrite> AnyWrite = Gen.Frequency(
        (4, Gen.String[Gen.Char.AlphaNumeric, 0, 5].Select(text => new EventualWrite { Key = "k"u8.ToArray(), Kind = EventualWriteKind.Put, Value = Encoding.UTF8.GetBytes(text) })),
        (1, Gen.Int[1, 100].Select(seconds => new EventualWrite { Key = "k"u8.ToArray(), Kind = EventualWriteKind.Put, Value = "t"u8.ToArray(), TimeToLive = TimeSpan.FromSeconds(seconds) })),
        (1, Gen.Const(new EventualWrite { Key = "k"u8.ToArray(), Kind = EventualWriteKind.Delete })));

    // A few hundred milliseconds of skew, and clocks that stand an hour wrong.
    private static readonly Gen<int[]> Skews = Gen.Frequency((3, Gen.Int[-200, 200]), (1, Gen.Int[-500_000, 3_600_000])).Array[CausalHistory.Replicas];

    private static readonly Gen<ConflictPolicy> Policies = Gen.Bool.Select(lww => lww ? ConflictPolicy.LastWriterWins : ConflictPolicy.Siblings);

    /// <summary>Under both policies, states that real histories lead to: the laws by which replicas converge.</summary>
    [Fact]
    public void Merging_is_commutative_associative_and_idempotent() =>
        Gen.Select(Policies, Skews, CausalHistory.Steps(AnyWrite)).Sample((policy, skews, steps) =>
        {
            var states = CausalHistory.Run(policy, skews, steps).States;
            foreach (var a in states)
            {
                Assert.Equal(a, Merge(a, a));
                foreach (var b in states)
                {
                    Assert.Equal(Merge(a, b), Merge(b, a));
                    Assert.Equal(Merge(a, b), Merge(Merge(a, b), b));
                    foreach (var c in states)
                        Assert.Equal(Merge(Merge(a, b), c), Merge(a, Merge(b, c)));
                }
            }

            DottedSet Merge(DottedSet left, DottedSet right) => ConflictRules.Merge(policy, left, right, out _);
        }, iter: 3000);

    /// <summary>Against an oracle that keeps all dots ever: a value stands exactly while nobody who superseded it was heard of.</summary>
    [Fact]
    public void A_value_stands_until_a_write_that_has_seen_it_is_heard_of() =>
        Gen.Select(Skews, CausalHistory.Steps(AnyWrite)).Sample((skews, steps) =>
        {
            var history = CausalHistory.Run(ConflictPolicy.Siblings, skews, steps);
            for (var replica = 0; replica < CausalHistory.Replicas; replica++)
            {
                var heard = history.Heard[replica];
                var standing = heard.Where(dot => !heard.Any(other => history.Writes[other].Seen.Contains(dot))).Order().ToList();
                Assert.Equal(standing, history.States[replica].Siblings.Select(sibling => sibling.Dot));
                Assert.Equal(VersionVector.Of(heard), history.States[replica].Context);
            }
        }, iter: 3000);

    [Fact]
    public void Replicas_that_heard_of_everything_are_equal() =>
        Gen.Select(Policies, Skews, CausalHistory.Steps(AnyWrite)).Sample((policy, skews, steps) =>
        {
            var history = CausalHistory.Run(policy, skews, steps);
            history.Converge();
            Assert.All(history.States, state => Assert.Equal(history.States[0], state));
        }, iter: 2000);

    /// <summary>With whatever clocks: a write that has seen another one is never beaten by it.</summary>
    [Fact]
    public void The_last_writer_is_the_highest_timestamp_of_all_and_never_one_that_was_superseded() =>
        Gen.Select(Skews, CausalHistory.Steps(AnyWrite)).Sample((skews, steps) =>
        {
            var history = CausalHistory.Run(ConflictPolicy.LastWriterWins, skews, steps);
            history.Converge();
            Assert.All(history.Writes.Values, write => Assert.All(write.Seen, seen =>
                Assert.True(write.Written.Written.Timestamp > history.Writes[seen].Written.Written.Timestamp)));
            if (history.Writes.Count == 0)
                return;
            var winner = Assert.Single(history.States[0].Siblings);
            Assert.Equal(history.Writes.Values.Max(write => (write.Written.Written.Timestamp, write.Written.Written.Dot)), (winner.Timestamp, winner.Dot));
        }, iter: 2000);

    /// <summary>Whatever is covered adds nothing, and only that.</summary>
    [Fact]
    public void A_state_covers_another_one_exactly_when_merging_changes_nothing() =>
        Gen.Select(Skews, CausalHistory.Steps(AnyWrite)).Sample((skews, steps) =>
        {
            var states = CausalHistory.Run(ConflictPolicy.Siblings, skews, steps).States;
            Assert.All(states, a => Assert.All(states, b => Assert.Equal(a.Merge(b).Equals(a), a.Covers(b))));
        }, iter: 1000);

    [Fact]
    public void Equal_states_have_equal_bytes_and_decode_to_themselves() =>
        Gen.Select(Policies, Skews, CausalHistory.Steps(AnyWrite)).Sample((policy, skews, steps) =>
        {
            var states = CausalHistory.Run(policy, skews, steps).States;
            foreach (var state in states)
            {
                Assert.Equal(state, DottedSetCodec.Decode(DottedSetCodec.Encode(state)));
                Assert.True(CausalContext.TryParse(CausalContext.Of(state, "k"u8).ToToken(), "k"u8, out var context, out _));
                Assert.Equal(CausalContext.Of(state, "k"u8), context);
                Assert.All(states, other => Assert.Equal(state.Equals(other), DottedSetCodec.Encode(state).AsSpan().SequenceEqual(DottedSetCodec.Encode(other))));
            }
        }, iter: 1000);

    /// <summary>Bytes from a disk or a network that are cut off, changed or invented: an error that says so, or a state; nothing else.</summary>
    [Fact]
    public void Damaged_bytes_are_refused_as_such() =>
        Gen.Select(Skews, CausalHistory.Steps(AnyWrite, most: 10), Gen.Select(Gen.Int[0, 400], Gen.Byte).Array[1, 4], Gen.Int[0, 400]).Sample((skews, steps, changes, cut) =>
        {
            var bytes = DottedSetCodec.Encode(CausalHistory.Run(ConflictPolicy.Siblings, skews, steps).States[0]);
            foreach (var (position, value) in changes)
                bytes[position % bytes.Length] = value;
            try
            {
                _ = DottedSetCodec.Decode(bytes.AsMemory(0, Math.Min(bytes.Length, cut)));
            }
            catch (InvalidDataException)
            {
                // what it is for
            }
        }, iter: 20_000);

    [Fact]
    public void A_context_that_is_changed_or_cut_is_refused() =>
        Gen.Select(Skews, CausalHistory.Steps(AnyWrite, most: 10), Gen.Int[0, 400], Gen.Int[0, 7]).Sample((skews, steps, position, bit) =>
        {
            var bytes = CausalContext.Of(CausalHistory.Run(ConflictPolicy.Siblings, skews, steps).States[0], "k"u8).Encode();
            var changed = (byte[])bytes.Clone();
            changed[position % bytes.Length] ^= (byte)(1 << bit);
            Assert.False(CausalContext.TryDecode(changed, "k"u8, out _, out var problem));
            Assert.NotEmpty(problem);
            if (position % bytes.Length > 0)
                Assert.False(CausalContext.TryDecode(bytes.AsMemory(0, position % bytes.Length), "k"u8, out _, out _));
        }, iter: 2000);

    [Theory]
    [InlineData("§")]
    [InlineData("AAAA")]
    [InlineData("AQ")]
    public void A_token_that_no_read_ever_gave_is_refused(string token) => Assert.False(CausalContext.TryParse(token, "k"u8, out _, out _));

    [Fact]
    public void A_dot_is_minted_once()
    {
        var dot = new Dot(CausalHistory.Actor(0), 1);
        var sibling = new Sibling(dot, new Timestamp(5), IsTombstone: false, Timestamp.Zero, "a"u8.ToArray());
        var set = DottedSet.Empty.Write(VersionVector.Empty, sibling);
        Assert.Throws<InvalidOperationException>(() => set.Write(set.Context, sibling));
    }
}
