using GrainDb.Engine.Eventual;
using GrainDb.Interfaces.Eventual;
using Xunit;

namespace GrainDb.Engine.Tests.Eventual;

public sealed class MergeLaneTests
{
    private static readonly Guid Replica = new(1, 0, 0, new byte[8]);
    private static readonly MergeAnswer Done = new(EventualOutcome.Done, "");

    private readonly Queue<Action> _scheduled = new();
    private readonly List<(MergeRequest Request, TaskCompletionSource<MergeAnswer?> Answer)> _sent = [];

    [Fact]
    public async Task What_comes_before_a_message_leaves_goes_with_it_and_what_comes_meanwhile_with_the_next_one()
    {
        var lane = NewLane();
        List<Task<MergeAnswer?>> first = [.. Enumerable.Range(0, 3).Select(number => lane.SendAsync(Of($"a{number}")))];
        Run();
        Assert.Equal(["a0", "a1", "a2"], Keys(Assert.Single(_sent).Request));

        var second = lane.SendAsync(Of("b"));
        Run();
        List<Task<MergeAnswer?>> third = [lane.SendAsync(Of("c")), lane.SendAsync(Of("d"))];
        Run();
        Assert.Equal(2, _sent.Count);

        _sent[0].Answer.SetResult(Done);
        Assert.All(await Task.WhenAll(first), answer => Assert.Same(Done, answer));
        Assert.Equal(["c", "d"], Keys(_sent[2].Request));
        Assert.False(second.IsCompleted);
        _sent[2].Answer.SetResult(null);
        Assert.All(await Task.WhenAll(third), Assert.Null);
    }

    [Fact]
    public void Results_of_requests_stay_with_their_states()
    {
        var lane = NewLane();
        foreach (var key in (string[])["a", "b"])
            _ = lane.SendAsync(Of(key) with { Requests = [new(new(key, 1, default), default, default, Existed: false, default)] });
        Run();
        Assert.Equal(["a", "b"], Assert.Single(_sent).Request.Requests.Select(request => request.Stamp.Key));
    }

    [Fact]
    public void States_of_other_epochs_or_too_many_bytes_go_alone()
    {
        var lane = NewLane(batch: 10);
        _ = lane.SendAsync(Of("a"));
        _ = lane.SendAsync(Of("b", epoch: 2));
        _ = lane.SendAsync(Of("c", bytes: 100));
        for (var number = 0; number < 3; number++)
        {
            Run();
            _sent[number].Answer.SetResult(Done);
        }

        Assert.Equal([["a"], ["b"], ["c"]], _sent.Select(sent => Keys(sent.Request)));
    }

    [Fact]
    public async Task A_refusal_of_several_is_not_the_refusal_of_each()
    {
        var lane = NewLane();
        var (good, bad) = (lane.SendAsync(Of("good")), lane.SendAsync(Of("bad")));
        Run();
        var unable = new MergeAnswer(EventualOutcome.Unable, "too large");
        _sent[0].Answer.SetResult(unable);
        _sent[1].Answer.SetResult(Done);
        _sent[2].Answer.SetResult(unable);
        Assert.Same(Done, await good);
        Assert.Same(unable, await bad);
    }

    [Fact]
    public async Task Without_room_nothing_is_sent_and_answers_and_silence_give_room_back()
    {
        var room = new MergeRoom(100);
        var lane = NewLane(room: room);
        var held = lane.SendAsync(Of("a", bytes: 90));
        Run();
        var other = NewLane(room: room);
        var refused = other.SendAsync(Of("b", bytes: 90));
        Assert.True(refused.IsCompleted, "it waits for room that there is not");
        Assert.Null(await refused);
        _sent[0].Answer.SetResult(null);
        Assert.Null(await held);

        var taken = other.SendAsync(Of("c", bytes: 1000));
        Run();
        Assert.Equal(["c"], Keys(_sent[1].Request));
        Assert.False(taken.IsCompleted);
    }

    [Fact]
    public async Task What_waits_behind_a_silence_does_not_wait_as_long_again()
    {
        var lane = NewLane();
        List<Task<MergeAnswer?>> tasks = [];
        foreach (var key in (string[])["a", "b", "c"])
        {
            tasks.Add(lane.SendAsync(Of(key)));
            Run();
        }

        _sent[0].Answer.SetResult(null);
        Assert.Null(await tasks[2]);
        Assert.Equal(2, _sent.Count);
        _sent[1].Answer.SetResult(Done);
        Assert.Same(Done, await tasks[1]);

        _ = lane.SendAsync(Of("d"));
        Run();
        Assert.Equal(["d"], Keys(_sent[2].Request));
    }

    private MergeLane NewLane(int batch = 1000, MergeRoom? room = null) => new(
        request =>
        {
            var answer = new TaskCompletionSource<MergeAnswer?>();
            _sent.Add((request, answer));
            return answer.Task;
        },
        _scheduled.Enqueue,
        room ?? new MergeRoom(10_000),
        batch);

    private void Run()
    {
        while (_scheduled.TryDequeue(out var work))
            work();
    }

    private static MergeRequest Of(string key, long epoch = 1, int bytes = 1) =>
        new(Replica, 1, epoch, [new KeyState(System.Text.Encoding.UTF8.GetBytes(key), new byte[bytes])]);

    private static string[] Keys(MergeRequest request) => [.. request.Items.Select(item => System.Text.Encoding.UTF8.GetString(item.Key.Span))];
}
