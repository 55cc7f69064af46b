using System.Diagnostics;
using GrainDb.LoadTool.Measuring;

namespace GrainDb.LoadTool.Tests.Measuring;

public sealed class OpenLoopTests
{
    [Fact]
    public async Task A_client_that_was_held_up_gets_every_request_that_became_due_with_its_own_time()
    {
        var second = Stopwatch.Frequency;
        var start = Stopwatch.GetTimestamp() - second;
        using var stop = new CancellationTokenSource();
        using var loop = new OpenLoop(ratePerSecond: 100, clients: 1, start, start + (3600 * second), stop.Token);

        for (var i = 0; i < 100; i++)
            Assert.Equal(start + (i * second / 100), await loop.NextAsync(0));
        await stop.CancelAsync();
    }

    [Fact]
    public async Task No_request_is_handed_out_before_it_is_due_and_none_twice()
    {
        const int Clients = 8;
        const int Requests = 200;
        var period = Stopwatch.Frequency / 1000;
        var start = Stopwatch.GetTimestamp();
        using var loop = new OpenLoop(1000, Clients, start, start + (Requests * period), CancellationToken.None);

        var taken = await Task.WhenAll(Enumerable.Range(0, Clients).Select(async client =>
        {
            var mine = new List<long>();
            while (await loop.NextAsync(client) is var due && due != IArrivals.Over)
            {
                Assert.True(Stopwatch.GetTimestamp() >= due);
                mine.Add(due);
            }

            return mine;
        }));

        var expected = Enumerable.Range(0, Requests).Select(i => start + (i * period)).ToArray();
        Assert.Equal(expected, taken.SelectMany(mine => mine).Concat(loop.Untaken(long.MaxValue)).Order());
    }

    [Fact]
    public async Task What_no_client_took_is_known_at_the_end()
    {
        var period = Stopwatch.Frequency / 10;
        var start = Stopwatch.GetTimestamp() - (20 * period);
        using var loop = new OpenLoop(10, 1, start, start + (10 * period), CancellationToken.None);

        Assert.Equal(IArrivals.Over, await loop.NextAsync(0));
        Assert.Equal(10, loop.Untaken(long.MaxValue).Count());
        Assert.Equal(4, loop.Untaken(start + (4 * period)).Count());
    }
}
