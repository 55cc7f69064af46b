using Xunit;

namespace GrainDb.Faults.Recording;

public sealed class StallProbeTests
{
    /// <summary>A clock that jumps is, to the probe, a machine that stood still.</summary>
    [Fact]
    public async Task Time_that_a_timer_was_late_by_counts_in_the_window_that_it_falls_into()
    {
        var readings = new Queue<double>([100, 120, 200, 500, 600, 620]); // pairs: the timer is set, the timer fires
        var drained = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var probe = new StallProbe(() =>
        {
            if (readings.TryDequeue(out var reading))
                return TimeSpan.FromMilliseconds(reading);
            drained.TrySetResult();
            return TimeSpan.FromMilliseconds(700);
        });
        await drained.Task;

        Assert.Equal(280, probe.Between(TimeSpan.Zero, TimeSpan.FromMilliseconds(650)).TotalMilliseconds);
        Assert.Equal(100, probe.Between(TimeSpan.FromMilliseconds(400), TimeSpan.FromMilliseconds(650)).TotalMilliseconds);
        Assert.Equal(0, probe.Between(TimeSpan.FromMilliseconds(500), TimeSpan.FromMilliseconds(650)).TotalMilliseconds);
    }
}
