using GrainDb.Engine.Tests.Ranges;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace GrainDb.Engine.Tests.Transactions;

public sealed class ResolutionQueueTests
{
    private static readonly RangeId[] Both = [new(1), new(2)];

    private readonly FakeTimeProvider _time = new();
    private readonly List<(RangeId Range, Resolution[] Resolutions, TaskCompletionSource<Failure?> Answer)> _calls = [];
    private readonly ResolutionQueue _queue;

    public ResolutionQueueTests() => _queue = new ResolutionQueue(SendAsync, static work => work(), _time);

    [Fact]
    public void It_is_confirmed_when_every_participant_has_confirmed()
    {
        var resolving = _queue.ResolveAsync(Decision(1), Both);
        Assert.Equal(2, _calls.Count);

        _calls[0].Answer.SetResult(null);
        Assert.False(resolving.IsCompleted);
        _calls[1].Answer.SetResult(null);

        Assert.True(resolving.Answered());
        Assert.Equal(0, _queue.Count);
    }

    [Fact]
    public void What_comes_while_a_range_is_called_goes_together_in_the_next_call()
    {
        var first = _queue.ResolveAsync(Decision(1), [new(1)]);
        _ = _queue.ResolveAsync(Decision(2), [new(1)]);
        _ = _queue.ResolveAsync(Decision(3), [new(1)]);
        Assert.Single(_calls);

        _calls[0].Answer.SetResult(null);

        Assert.True(first.Answered());
        Assert.Equal(2, _calls[1].Resolutions.Length);
    }

    [Fact]
    public void A_range_that_fails_is_asked_again_and_holds_nobody_else_up()
    {
        var one = _queue.ResolveAsync(Decision(1), [new(1)]);
        var other = _queue.ResolveAsync(Decision(1), [new(2)]);
        _calls[0].Answer.SetResult(Failure.NotApplied(ErrorCode.Unavailable, "down"));
        _calls[1].Answer.SetResult(null);
        Assert.True(other.Answered());

        _time.Advance(TimeSpan.FromMilliseconds(20));
        Assert.Equal(3, _calls.Count);
        _calls[2].Answer.SetResult(null);

        Assert.True(one.Answered());
    }

    [Fact]
    public void A_decision_that_waits_already_is_not_sent_twice()
    {
        var one = _queue.ResolveAsync(Decision(1), [new(1)]);
        var same = _queue.ResolveAsync(Decision(1), [new(1)]);
        _calls[0].Answer.SetResult(null);

        Assert.True(one.Answered());
        Assert.True(same.Answered());
        Assert.Single(_calls);
    }

    [Fact]
    public void A_queue_that_stops_gives_up_and_says_so()
    {
        var resolving = _queue.ResolveAsync(Decision(1), Both);
        _queue.Stop();
        Assert.False(resolving.Answered());
        Assert.False(_queue.ResolveAsync(Decision(2), Both).Answered());
        _calls[0].Answer.SetResult(null);
        Assert.Equal(2, _calls.Count);
    }

    [Fact]
    public void What_is_settled_is_collected_for_a_moment_and_goes_in_one_call_beside_the_decisions()
    {
        _queue.Settle(Decision(1).Transaction, new(1));
        _ = _queue.ResolveAsync(Decision(1), [new(1)]);
        _queue.Settle(Decision(2).Transaction, new(1));
        Assert.Single(_calls);
        Assert.Equal([Decision(1)], _calls[0].Resolutions);

        _time.Advance(TimeSpan.FromMilliseconds(500));

        Assert.Equal([Decision(1) with { CommitTimestamp = Resolution.Settled }, Decision(2) with { CommitTimestamp = Resolution.Settled }], _calls[1].Resolutions);
        _calls[0].Answer.SetResult(null);
        _calls[1].Answer.SetResult(null);
        Assert.Equal(0, _queue.Count);
        _time.Advance(TimeSpan.FromMilliseconds(500));
        Assert.Equal(2, _calls.Count);
    }

    private static Resolution Decision(ulong nonce) => new(new TransactionId(new Timestamp(1), nonce), new Timestamp(9));

    private ValueTask<Failure?> SendAsync(RangeId range, Resolution[] resolutions)
    {
        var answer = new TaskCompletionSource<Failure?>();
        _calls.Add((range, resolutions, answer));
        return new(answer.Task);
    }
}
