using System.Diagnostics;
using GrainDb.LoadTool.Http;
using GrainDb.LoadTool.Measuring;
using GrainDb.LoadTool.Workloads;

namespace GrainDb.LoadTool.Tests.Measuring;

public sealed class RecorderTests
{
    private static readonly long Millisecond = Stopwatch.Frequency / 1000;

    private readonly Recorder _recorder = new();

    public RecorderTests() => _recorder.Measure(1000 * Millisecond, 2000 * Millisecond);

    [Fact]
    public void Only_what_counts_within_the_window_is_counted()
    {
        Complete(counts: 999, from: 900, until: 999);
        Complete(counts: 1000, from: 995, until: 1000);
        Complete(counts: 1999, from: 1900, until: 1999);
        Complete(counts: 2000, from: 1900, until: 2000);

        Assert.Equal(2, _recorder.Operations[OperationKind.Get].Succeeded);
        Assert.Equal(2, _recorder.Answered);
        Assert.Equal(20, _recorder.BytesReceived);
    }

    [Fact]
    public void In_an_open_loop_a_request_has_the_latency_since_it_was_due_and_counts_there()
    {
        // Due in the window, answered long after it: its latency counts, the throughput of the window does not grow.
        Complete(counts: 1500, from: 1500, until: 9500);

        var totals = _recorder.Operations[OperationKind.Get];
        Assert.Equal(1, totals.Succeeded);
        Assert.Equal(0, totals.SucceededInWindow);
        Assert.Equal(0, _recorder.Answered);
        Assert.InRange(totals.Latency.GetValueAtPercentile(100), 7_992_000, 8_008_000);
    }

    [Fact]
    public void A_request_that_was_never_sent_counts_with_the_time_that_it_had_waited()
    {
        _recorder.NeverStarted(OperationKind.Get, 1500 * Millisecond, 2000 * Millisecond);
        _recorder.NeverStarted(OperationKind.Get, 500 * Millisecond, 2000 * Millisecond);

        Assert.Equal(1, _recorder.Unstarted);
        Assert.Equal(0, _recorder.Answered);
        Assert.InRange(_recorder.Operations[OperationKind.Get].Latency.GetValueAtPercentile(50), 499_000, 501_000);
    }

    [Fact]
    public void A_timeout_is_slow_and_a_refusal_is_not_fast()
    {
        Complete(1100, 1000, 1100, Verdict.Failure(TransportErrors.Timeout));
        Complete(1100, 1099, 1100, Verdict.Failure("overloaded"));

        var totals = _recorder.Operations[OperationKind.Get];
        Assert.Equal(2, totals.Failed);
        Assert.Equal(0, _recorder.Answered);
        Assert.Equal(1, totals.Latency.TotalCount);
        Assert.Equal(1, _recorder.Errors["overloaded"]);
    }

    private void Complete(long counts, long from, long until, Verdict? verdict = null) =>
        _recorder.Completed(
            OperationKind.Get, verdict ?? Verdict.Success, counts * Millisecond, from * Millisecond, until * Millisecond, sent: 1, received: 10);
}
