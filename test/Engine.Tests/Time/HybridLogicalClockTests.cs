using GrainDb.Engine.Time;
using GrainDb.Interfaces.Keys;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace GrainDb.Engine.Tests.Time;

public sealed class HybridLogicalClockTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly FakeTimeProvider _time = new(Start);
    private readonly HybridLogicalClock _clock;

    public HybridLogicalClockTests() => _clock = new(_time, HybridLogicalClock.DefaultMaxOffset);

    [Fact]
    public void Follows_physical_time()
    {
        Assert.Equal(Timestamp.FromTime(Start), _clock.Now());
        _time.Advance(TimeSpan.FromMilliseconds(7));
        Assert.Equal(Timestamp.FromTime(Start.AddMilliseconds(7)), _clock.Now());
    }

    [Fact]
    public void Counts_while_physical_time_stands_still()
    {
        Assert.Equal([0, 1, 2], new[] { _clock.Now().Counter, _clock.Now().Counter, _clock.Now().Counter });
    }

    [Fact]
    public void Goes_on_counting_when_physical_time_goes_back()
    {
        var before = _clock.Now();
        _time.AdjustTime(Start.AddHours(-1));
        Assert.Equal(before.Next, _clock.Now());
    }

    [Fact]
    public void A_full_counter_carries_into_the_milliseconds()
    {
        var full = Timestamp.FromParts(Start.ToUnixTimeMilliseconds(), ushort.MaxValue);
        Assert.True(_clock.TryReceive(full));
        Assert.Equal(Timestamp.FromParts(Start.ToUnixTimeMilliseconds() + 1, 0), _clock.Now());
    }

    [Fact]
    public void Last_does_not_move_the_clock()
    {
        Assert.Equal(Timestamp.Zero, _clock.Last);
        var now = _clock.Now();
        Assert.Equal(now, _clock.Last);
        Assert.Equal(now, _clock.Last);
    }

    [Fact]
    public void A_received_timestamp_is_below_everything_that_follows()
    {
        var remote = Timestamp.FromParts(Start.ToUnixTimeMilliseconds() + 100, 41);
        Assert.True(_clock.TryReceive(remote));
        Assert.Equal(remote, _clock.Last);
        Assert.Equal(remote.Next, _clock.Now());
    }

    [Fact]
    public void An_old_timestamp_is_accepted_without_effect()
    {
        var now = _clock.Now();
        Assert.True(_clock.TryReceive(Timestamp.FromTime(Start.AddDays(-1))));
        Assert.Equal(now, _clock.Last);
        Assert.Equal(0, _clock.RefusedCount);
    }

    [Fact]
    public void The_guard_is_armed_before_first_use_and_leaves_the_clock_where_it_was()
    {
        Assert.False(_clock.TryReceive(Timestamp.FromTime(Start.AddMilliseconds(251))));
        Assert.Equal(Timestamp.Zero, _clock.Last);
        Assert.Equal(1, _clock.RefusedCount);
        Assert.False(_clock.TryReceive(Timestamp.Max));
        Assert.Equal(2, _clock.RefusedCount);
        Assert.Equal(Timestamp.FromTime(Start), _clock.Now());
    }

    [Fact]
    public void Exactly_the_largest_offset_is_accepted()
    {
        Assert.True(_clock.TryReceive(Timestamp.FromParts(Start.ToUnixTimeMilliseconds() + 250, ushort.MaxValue)));
        Assert.Equal(Start.ToUnixTimeMilliseconds() + 251, _clock.Now().Milliseconds);
    }

    [Fact]
    public void The_guard_measures_against_physical_time_not_against_the_clock()
    {
        _clock.Restore(Timestamp.FromTime(Start.AddHours(1)));
        Assert.False(_clock.TryReceive(Timestamp.FromTime(Start.AddHours(1).AddMilliseconds(1))));
        Assert.True(_clock.TryReceive(Timestamp.FromTime(Start)));
    }

    [Fact]
    public void A_restart_continues_above_the_log_even_if_that_is_ahead_of_the_wall_clock()
    {
        var logged = Timestamp.FromParts(Start.AddHours(1).ToUnixTimeMilliseconds(), 3);
        _clock.Restore(logged);
        Assert.Equal(logged.Next, _clock.Now());
        _clock.Restore(Timestamp.FromTime(Start));
        Assert.Equal(logged.Next.Next, _clock.Now());
        _time.Advance(TimeSpan.FromHours(2));
        Assert.Equal(Timestamp.FromTime(Start.AddHours(2)), _clock.Now());
    }

    [Fact]
    public void A_clock_that_is_used_up_says_so_instead_of_going_back()
    {
        _clock.Restore(Timestamp.Max);
        Assert.Throws<OverflowException>(() => _clock.Now());
        Assert.Equal(Timestamp.Max, _clock.Last);
    }

    [Fact]
    public void Time_before_1970_counts_as_1970()
    {
        _time.AdjustTime(new(1960, 1, 1, 0, 0, 0, TimeSpan.Zero));
        Assert.Equal(new Timestamp(1), _clock.Now());
    }

    [Fact]
    public void A_negative_offset_is_an_error() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new HybridLogicalClock(_time, TimeSpan.FromMilliseconds(-1)));
}
