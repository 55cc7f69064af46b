using CsCheck;
using GrainDb.Engine.Time;
using GrainDb.Interfaces.Keys;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace GrainDb.Engine.Tests.Time;

public sealed class HybridLogicalClockProperties
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private enum Step
    {
        Now,
        Receive,
        Restore,
        SetPhysical,
    }

    private static readonly Gen<(Step Step, int OffsetMilliseconds, int Counter)[]> Histories =
        Gen.Select(Gen.Enum<Step>(), Gen.Int[-2_000, 2_000], Gen.Int[0, ushort.MaxValue]).Array[1, 60];

    /// <summary>Against a plain model of the rules: any history of steps, physical time going both ways.</summary>
    [Fact]
    public void Any_history_follows_the_rules() => Histories.Sample(history =>
    {
        var time = new FakeTimeProvider(Start);
        var clock = new HybridLogicalClock(time, HybridLogicalClock.DefaultMaxOffset);
        var physical = Start.ToUnixTimeMilliseconds();
        ulong last = 0;
        var refused = 0;
        foreach (var (step, offset, counter) in history)
        {
            var remote = Timestamp.FromParts(Start.ToUnixTimeMilliseconds() + offset, (ushort)counter);
            switch (step)
            {
                case Step.Now:
                    var now = clock.Now().Value;
                    Assert.True(now > last, "strictly increasing");
                    Assert.Equal(Math.Max(last + 1, (ulong)physical << 16), now);
                    last = now;
                    break;
                case Step.Receive:
                    var acceptable = remote.Value <= last || remote.Milliseconds - physical <= 250;
                    Assert.Equal(acceptable, clock.TryReceive(remote));
                    last = acceptable ? Math.Max(last, remote.Value) : last;
                    refused += acceptable ? 0 : 1;
                    break;
                case Step.Restore:
                    clock.Restore(remote);
                    last = Math.Max(last, remote.Value);
                    break;
                case Step.SetPhysical:
                    physical = Start.ToUnixTimeMilliseconds() + offset;
                    time.AdjustTime(DateTimeOffset.FromUnixTimeMilliseconds(physical));
                    break;
            }

            Assert.Equal(last, clock.Last.Value);
            Assert.Equal(refused, clock.RefusedCount);
        }
    });

    /// <summary>
    /// Nodes with skewed clocks that exchange messages: whatever happened before has the smaller timestamp, and the node
    /// beyond the offset is refused by all others while it does not drag them along.
    /// </summary>
    [Fact]
    public void Happened_before_is_smaller_across_nodes() =>
        Gen.Select(Gen.Int[-120, 120].Array[3], Gen.Select(Gen.Int[0, 2], Gen.Int[0, 2], Gen.Int[0, 5]).Array[1, 100]).Sample((skews, messages) =>
        {
            var times = Array.ConvertAll(skews, skew => new FakeTimeProvider(Start.AddMilliseconds(skew)));
            var clocks = Array.ConvertAll(times, time => new HybridLogicalClock(time, HybridLogicalClock.DefaultMaxOffset));
            var broken = new HybridLogicalClock(new FakeTimeProvider(Start.AddHours(1)), HybridLogicalClock.DefaultMaxOffset);
            foreach (var (from, to, elapsed) in messages)
            {
                foreach (var time in times)
                    time.Advance(TimeSpan.FromMilliseconds(elapsed));
                var sent = clocks[from].Now();
                Assert.True(clocks[to].TryReceive(sent));
                Assert.False(clocks[to].TryReceive(broken.Now()));
                Assert.True(clocks[to].Now() > sent);
            }

            var fastest = times.Max(time => time.GetUtcNow().ToUnixTimeMilliseconds());
            Assert.All(clocks, clock => Assert.True(clock.Last.Milliseconds <= fastest));
        });

    [Fact]
    public void Concurrent_callers_get_distinct_timestamps_in_rising_order()
    {
        const int Callers = 4;
        const int PerCaller = 50_000;
        var time = new FakeTimeProvider(Start);
        var clock = new HybridLogicalClock(time, HybridLogicalClock.DefaultMaxOffset);
        var given = new Timestamp[Callers][];
        var threads = Enumerable.Range(0, Callers).Select(caller => new Thread(() =>
        {
            var own = given[caller] = new Timestamp[PerCaller];
            for (var i = 0; i < PerCaller; i++)
            {
                own[i] = clock.Now();
                if (i % 16 == caller)
                    clock.TryReceive(own[i].Add(TimeSpan.FromMilliseconds(i % 300)));
            }
        })).ToArray();
        Array.ForEach(threads, thread => thread.Start());
        for (var back = 0; back < 100; back++)
            time.AdjustTime(Start.AddMilliseconds(-back));
        Array.ForEach(threads, thread => thread.Join());

        Assert.All(given, own => Assert.True(own.Zip(own.Skip(1)).All(pair => pair.First < pair.Second)));
        Assert.Equal(Callers * PerCaller, given.SelectMany(own => own).Distinct().Count());
        Assert.Equal(clock.Last.Next, clock.Now());
    }

    /// <summary>A receive that races with callers of Now must not be lost to them: it lifts the clock or is refused.</summary>
    [Fact]
    public void A_received_timestamp_is_not_lost_to_concurrent_callers()
    {
        const int Receives = 1_000_000;
        const ulong Ahead = 100;
        var clock = new HybridLogicalClock(new FakeTimeProvider(Start), TimeSpan.FromHours(1));
        var cancelled = TestContext.Current.CancellationToken;
        using var together = new Barrier(2);
        var done = false;
        var caller = new Thread(() =>
        {
            together.SignalAndWait(cancelled);
            while (!Volatile.Read(ref done))
                clock.Now();
        });
        caller.Start();
        together.SignalAndWait(cancelled);
        var lost = 0;
        for (var i = 0; i < Receives; i++)
        {
            var remote = new Timestamp(clock.Now().Value + Ahead);
            Assert.True(clock.TryReceive(remote));
            lost += clock.Last < remote ? 1 : 0;
        }

        Volatile.Write(ref done, true);
        caller.Join();
        Assert.Equal(0, lost);
        Assert.Equal(0, clock.RefusedCount);
    }
}
