using GrainDb.Engine.Ring;
using Xunit;

namespace GrainDb.Engine.Tests.Ring;

/// <summary>Coinciding positions and both ends of the ring, which no hash of a test would hit.</summary>
public sealed class RingPositionsTests
{
    private static readonly UInt128 Whole = UInt128.One << 64;

    [Fact]
    public void Of_coinciding_positions_the_first_node_wins_and_the_others_own_nothing()
    {
        var positions = new RingPositions([50, 10, 50, 50], [2, 1, 0, 1]);
        Assert.Equal([1, 0, 1, 2], Enumerable.Range(0, 4).Select(positions.Owner));
        Assert.Equal(0, positions.Owner(positions.Find(11)));
        Assert.Equal([Whole - 40, 40, 0, 0], Enumerable.Range(0, 4).Select(positions.Arc));
    }

    [Fact]
    public void Where_all_coincide_the_first_owns_the_ring()
    {
        var positions = new RingPositions([7, 7], [1, 0]);
        Assert.Equal([0, 0, 0], new ulong[] { 0, 7, 8 }.Select(positions.Find));
        Assert.Equal([Whole, 0], Enumerable.Range(0, 2).Select(positions.Arc));
    }

    [Fact]
    public void Positions_at_both_ends_are_found()
    {
        var positions = new RingPositions([ulong.MaxValue, 0], [0, 1]);
        Assert.Equal([0, 1, 1, 1], new ulong[] { 0, 1, ulong.MaxValue - 1, ulong.MaxValue }.Select(positions.Find));
        Assert.Equal([1, Whole - 1], Enumerable.Range(0, 2).Select(positions.Arc));
    }

    [Fact]
    public void Every_token_around_every_position_is_found()
    {
        var random = new Random(1);
        var given = Enumerable.Range(0, 1_000).Select(i => i % 3 == 0 ? (ulong)i : (ulong)random.NextInt64(long.MinValue, long.MaxValue)).ToArray();
        var sorted = given.Order().ToArray();
        var positions = new RingPositions([.. given], new ushort[given.Length]);
        foreach (var token in given.SelectMany(position => new[] { unchecked(position - 1), position, unchecked(position + 1) }))
        {
            var expected = Array.FindIndex(sorted, position => position >= token);
            Assert.Equal(Math.Max(0, expected), positions.Find(token));
        }
    }
}
