using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using GrainDb.Cluster.Tests.Faults;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Engine.Sagas;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Sagas;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Sagas;
using GrainDb.Interfaces.Transactions;
using Microsoft.Extensions.DependencyInjection;

namespace GrainDb.Cluster.Tests.Sagas;

/// <summary>Sagas on three nodes that are all there. One cluster for all: each test has its own saga.</summary>
public sealed class SagaTests : IAsyncLifetime
{
    private readonly TestDirectory _directory = new();
    private readonly RecordedService _service = new();
    private GrainDbCluster _cluster = null!;
    private SagaClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await GrainDbCluster.StartAsync(
            _directory, [1, 1, 1], new StorageOptions(), new Network(), buriesFast: false, (_, services) => services.AddSingleton<ISagaService>(_service));
        _client = new SagaClient(_cluster);
        await _client.DefineAsync("four", SagaClient.Definition);
    }

    public async ValueTask DisposeAsync()
    {
        await _cluster.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task It_ends_completed_and_every_node_has_its_log()
    {
        Assert.Null((await _client.StartAsync(0, "whole", "four", """{"n":7}""")).Failure);

        var saga = await _client.EndAsync(1, "whole");

        Assert.Equal("completed", saga.Summary.Status);
        Assert.All(saga.Steps, step => Assert.True(_service.HasEffect("whole", step.Name)));
        Assert.Equal("""{"did":"second","with":{"of":"first","n":7}}""", Encoding.UTF8.GetString(saga.Steps[1].Output.Span));
        string[] expected =
        [
            "started", "stepScheduled first", "stepCompleted first", "stepScheduled second", "stepCompleted second", "stepScheduled pivot", "stepCompleted pivot", "pivotPassed",
            "stepScheduled last", "stepCompleted last", "ended",
        ];
        for (var node = 0; node < 3; node++)
            Assert.Equal(expected, await _client.HistoryAsync(node, "whole"));
    }

    [Fact]
    public async Task A_rejection_undoes_what_was_done_in_reverse()
    {
        _service.Scripts["pivot"] = Once("refused", (_, _) => Task.FromResult<SagaCallResult?>(new(SagaCallStatus.Rejected, default, "no stock")));
        await _client.StartAsync(0, "refused", "four");

        var saga = await _client.EndAsync(2, "refused");

        Assert.Equal(("compensated", "pivot was rejected: no stock"), (saga.Summary.Status, saga.Summary.Reason));
        Assert.All(saga.Steps, step => Assert.False(_service.HasEffect("refused", step.Name)));
        Assert.Equal(["undoScheduled second", "undoCompleted second", "undoScheduled first", "undoCompleted first", "ended"], (await _client.HistoryAsync(0, "refused")).TakeLast(5));
    }

    [Fact]
    public async Task The_same_start_is_the_same_saga_and_another_one_is_refused()
    {
        var first = await Task.WhenAll(Enumerable.Range(0, 6).Select(index => _client.StartAsync(index % 3, "once", "four", """{"n":1,"m":2}""")));
        Assert.All(first, answer => Assert.Null(answer.Failure));
        await _client.EndAsync(0, "once");

        Assert.True((await _client.StartAsync(1, "once", "four", """{"m":2, "n":1}""")).IsRepeated);
        Assert.Equal(ErrorCode.IdempotencyMismatch, (await _client.StartAsync(2, "once", "four", """{"n":2}""")).Failure!.Code);
        Assert.Equal(ErrorCode.SagaDefinitionNotFound, (await _client.StartAsync(2, "once", "five")).Failure!.Code);
        Assert.Equal(4, _service.Calls.Count(call => call.StartsWith("once/", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task It_can_be_cancelled_until_the_pivot_and_not_after()
    {
        var (entered, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        _service.Scripts["second"] = Once("before", Gate(entered, go));
        await _client.StartAsync(0, "before", "four");
        await entered.Task;
        Assert.Null((await _client.ActAsync(1, "before", SagaCommandKind.Cancel)).Failure);
        Assert.Null((await _client.ActAsync(2, "before", SagaCommandKind.Cancel)).Failure);
        go.SetResult();
        Assert.Equal(("compensated", "cancelled by tester: because"), await StatusAndReasonAsync("before"));

        (entered, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        _service.Scripts["last"] = Once("after", Gate(entered, go));
        await _client.StartAsync(0, "after", "four");
        await entered.Task;
        Assert.Equal(ErrorCode.SagaPastPivot, (await _client.ActAsync(1, "after", SagaCommandKind.Cancel)).Failure!.Code);
        go.SetResult();
        Assert.Equal("completed", (await _client.EndAsync(0, "after")).Summary.Status);
        Assert.Equal(ErrorCode.SagaPastPivot, (await _client.ActAsync(1, "after", SagaCommandKind.Cancel)).Failure!.Code);
    }

    [Fact]
    public async Task A_step_waits_for_its_signal_however_long_and_gets_what_it_brought()
    {
        await _client.DefineAsync("waits", """{"steps":[{"name":"one","service":"recorded","action":"do","compensation":"undo","waitFor":"paid","input":"$.signals.paid.by"}]}""");
        await _client.StartAsync(0, "signal", "waits");
        var waiting = await _client.UntilAsync(1, "signal", "waiting");
        Assert.Equal(("waits for signal 'paid'", "paid"), (waiting.Summary.Reason, waiting.Steps[0].WaitsFor));

        Assert.Null((await _client.ActAsync(2, "signal", SagaCommandKind.Signal, "paid", """{"by":"ada"}""")).Failure);
        Assert.Null((await _client.ActAsync(1, "signal", SagaCommandKind.Signal, "paid", """{"by":"bob"}""")).Failure);

        var ended = await _client.EndAsync(0, "signal");
        Assert.Equal("\"ada\"", Encoding.UTF8.GetString(ended.Steps[0].Input.Span));
        Assert.Single(await _client.HistoryAsync(0, "signal"), row => row == "signalReceived");
    }

    [Fact]
    public async Task Paused_it_begins_nothing_and_goes_on_when_resumed()
    {
        var (entered, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        _service.Scripts["first"] = Once("paused", Gate(entered, go));
        await _client.StartAsync(0, "paused", "four");
        await entered.Task;
        var stamp = new IdempotencyStamp("pause-once", 1, default);
        Assert.Null((await _client.ActAsync(1, "paused", SagaCommandKind.Pause, stamp: stamp)).Failure);
        go.SetResult();
        await _cluster.UntilAsync(async () => (await _client.FindAsync(0, "paused")).Steps[0].Status == "completed");
        Assert.Equal("notStarted", (await _client.FindAsync(0, "paused")).Steps[1].Status);

        Assert.True((await _client.ActAsync(2, "paused", SagaCommandKind.Pause, stamp: stamp)).IsRepeated);
        Assert.Equal(ErrorCode.IdempotencyMismatch, (await _client.ActAsync(2, "paused", SagaCommandKind.Resume, stamp: stamp with { RequestHash = 2 })).Failure!.Code);
        Assert.Null((await _client.ActAsync(2, "paused", SagaCommandKind.Resume)).Failure);
        Assert.Equal("completed", (await _client.EndAsync(0, "paused")).Summary.Status);
        Assert.Equal(2, (await _client.HistoryAsync(0, "paused")).Count(row => row == "operator"));
    }

    [Fact]
    public async Task A_compensation_that_keeps_failing_is_stuck_is_listed_and_ends_by_a_persons_word_against_which_no_late_call_acts()
    {
        _service.Scripts["pivot"] = Once("stuck", (_, _) => Task.FromResult<SagaCallResult?>(new(SagaCallStatus.Rejected, default, "no")));
        _service.Scripts["first/undo"] = Once("stuck", (_, _) => Task.FromResult<SagaCallResult?>(new(SagaCallStatus.Transient, default, "the bank is closed")));
        await _client.StartAsync(0, "stuck", "four");
        var stuck = await _client.UntilAsync(1, "stuck", "stuckBackward");
        Assert.Equal(("first", "first: the bank is closed"), (stuck.Summary.Step, stuck.Summary.Reason));
        var page = await _cluster.Sagas(2).ListAsync(
            new SagaQuery { Statuses = ["stuckBackward"], Definition = "four", Step = "first" }, GrainDbCluster.Timeout, TestContext.Current.CancellationToken);
        Assert.Equal("first: the bank is closed", Assert.Single(page.Items, item => item.Id == "stuck").Reason);
        Assert.Equal(ErrorCode.SagaStateConflict, (await _client.ActAsync(0, "stuck", SagaCommandKind.MarkUndone, "pivot")).Failure!.Code);
        Assert.Equal(ErrorCode.InvalidRequest, (await _client.ActAsync(0, "stuck", SagaCommandKind.MarkUndone, "none")).Failure!.Code);

        Assert.Null((await _client.ActAsync(0, "stuck", SagaCommandKind.MarkUndone, "first")).Failure);

        Assert.Equal("compensated", (await _client.EndAsync(1, "stuck")).Summary.Status);
        _service.Act(new SagaCall("stuck", "first", "do", IsUndo: false, default, 9, TimeSpan.FromSeconds(1)));
        Assert.False(_service.HasEffect("stuck", "first"));
    }

    [Fact]
    public async Task A_step_behind_the_pivot_that_is_wrong_in_itself_is_skipped_by_a_person()
    {
        _service.Scripts["last"] = Once("wrong", (_, _) => Task.FromResult<SagaCallResult?>(new(SagaCallStatus.Bug, default, "cannot read its input")));
        await _client.StartAsync(0, "wrong", "four");
        await _client.UntilAsync(0, "wrong", "stuckForward");

        Assert.Null((await _client.ActAsync(1, "wrong", SagaCommandKind.Skip, "last", """{"by":"hand"}""")).Failure);

        var saga = await _client.EndAsync(2, "wrong");
        Assert.Equal(("completed", "skipped", """{"by":"hand"}"""), (saga.Summary.Status, saga.Steps[3].Status, Encoding.UTF8.GetString(saga.Steps[3].Output.Span)));
    }

    [Fact]
    public async Task A_definition_stays_what_it_is_and_a_wrong_one_is_told_everything()
    {
        var answer = await PutAsync("four", 1, SagaClient.Definition.Replace("100ms", "1s", StringComparison.Ordinal));
        Assert.Null(answer.Failure);
        Assert.False(answer.IsNew);
        Assert.Equal(ErrorCode.SagaDefinitionExists, (await PutAsync("four", 1, """{"steps":[{"name":"one","service":"recorded","action":"do","kind":"pivot"}]}""")).Failure!.Code);

        var wrong = (await PutAsync("bad", 1, """{"steps":[{"name":"a b","service":"recorded","action":"do"},{"name":"two","service":"recorded","action":"do","kind":"pivot","input":"$.steps.three"}]}""")).Failure!;
        Assert.Equal((ErrorCode.InvalidRequest, Outcome.NotApplied), (wrong.Code, wrong.Outcome));
        Assert.Contains("'a b'", wrong.Detail, StringComparison.Ordinal);
        Assert.Contains("no compensation", wrong.Detail, StringComparison.Ordinal);
        Assert.Contains("'three' is no step before", wrong.Detail, StringComparison.Ordinal);
        Assert.Contains("there is no service 'bank'", (await PutAsync("bad", 1, """{"steps":[{"name":"a","service":"bank","action":"do","kind":"pivot"}]}""")).Failure!.Detail, StringComparison.Ordinal);
        Assert.Contains("no action 'dance'", (await PutAsync("bad", 1, """{"steps":[{"name":"a","service":"recorded","action":"dance","kind":"pivot"}]}""")).Failure!.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_list_has_every_saga_once_over_its_pages()
    {
        await _client.DefineAsync("many", """{"steps":[{"name":"one","service":"recorded","action":"do","compensation":"undo","waitFor":"go"}]}""");
        var started = Enumerable.Range(0, 40).Select(index => $"many-{index}").ToList();
        await Task.WhenAll(started.Select((id, index) => _client.StartAsync(index % 3, id, "many")));
        foreach (var id in started.Take(20))
            await _client.ActAsync(0, id, SagaCommandKind.Signal, "go");
        foreach (var id in started.Take(20))
            await _client.EndAsync(1, id);

        var found = new List<SagaSummary>();
        string? cursor = null;
        do
        {
            var page = await _cluster.Sagas(0).ListAsync(new SagaQuery { Definition = "many", Limit = 7, Cursor = cursor }, GrainDbCluster.Timeout, TestContext.Current.CancellationToken);
            Assert.Null(page.Failure);
            Assert.InRange(page.Items.Count, 0, 7);
            found.AddRange(page.Items);
            cursor = page.Cursor;
        }
        while (cursor is not null);

        Assert.Equal(started.Order(StringComparer.Ordinal), found.Select(item => item.Id).Order(StringComparer.Ordinal));
        Assert.Equal(20, found.Count(item => item is { HasEnded: true, Status: "completed" }));
        Assert.Equal(20, found.Count(item => item is { HasEnded: false, Status: "waiting", Step: "one" }));
    }

    [Fact]
    public async Task A_saga_that_has_ended_or_waits_for_long_is_in_nobodys_memory()
    {
        await _client.DefineAsync("rests", """{"steps":[{"name":"one","service":"recorded","action":"do","compensation":"undo","waitFor":"go"}]}""");
        await _client.StartAsync(0, "rests", "rests");
        await _client.StartAsync(1, "gone", "four");
        await _client.EndAsync(2, "gone");

        await _cluster.UntilAsync(async () => !await IsActiveAsync("gone") && !await IsActiveAsync("rests"));

        await _client.ActAsync(2, "rests", SagaCommandKind.Signal, "go");
        await _client.EndAsync(0, "rests");
    }

    [Fact]
    public async Task When_its_time_is_over_it_is_undone_by_itself()
    {
        await _client.DefineAsync("hurries", """
            {"steps":[
              {"name":"one","service":"recorded","action":"do","compensation":"undo"},
              {"name":"two","service":"recorded","action":"do","compensation":"undo","waitFor":"never"}],
             "deadline":"500ms"}
            """);
        await _client.StartAsync(0, "late", "hurries");

        var saga = await _client.EndAsync(1, "late");

        Assert.Equal(("compensated", "its time is over"), (saga.Summary.Status, saga.Summary.Reason));
        Assert.True(saga.IsOverdue);
        Assert.False(_service.HasEffect("late", "one"));
    }

    [Fact]
    public async Task Every_attempt_is_traced_in_the_trace_of_the_start()
    {
        var attempts = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == SagaInstruments.SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = attempts.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        using var request = new Activity("request").SetIdFormat(ActivityIdFormat.W3C).Start();
        var failed = 0;
        _service.Scripts["second"] = Once("traced", (_, _) => Task.FromResult<SagaCallResult?>(Interlocked.Increment(ref failed) == 1 ? new(SagaCallStatus.Transient, default, "busy") : null));
        await _client.StartAsync(0, "traced", "four");
        await _client.EndAsync(1, "traced");

        var traced = attempts.Where(activity => Equals(activity.GetTagItem("graindb.saga.id"), "traced")).ToList();
        Assert.Equal(5, traced.Count);
        Assert.All(traced, activity => Assert.Equal((request.TraceId, request.SpanId), (activity.TraceId, activity.ParentSpanId)));
        Assert.Equal(["transient", "completed"], traced.Where(activity => Equals(activity.GetTagItem("graindb.saga.step"), "second")).Select(activity => activity.GetTagItem("graindb.saga.result")));
    }

    private static Func<SagaCall, CancellationToken, Task<SagaCallResult?>> Once(string saga, Func<SagaCall, CancellationToken, Task<SagaCallResult?>> script) =>
        (call, cancellation) => call.Saga == saga ? script(call, cancellation) : Task.FromResult<SagaCallResult?>(null);

    private static Func<SagaCall, CancellationToken, Task<SagaCallResult?>> Gate(TaskCompletionSource entered, TaskCompletionSource go) => async (_, cancellation) =>
    {
        entered.TrySetResult();
        await go.Task.WaitAsync(cancellation);
        return null;
    };

    private async Task<bool> IsActiveAsync(string id)
    {
        var statistics = await _cluster.Service<IGrainFactory>(0).GetGrain<IManagementGrain>(0).GetDetailedGrainStatistics();
        return statistics.Any(grain => grain.GrainId == _cluster.Service<IGrainFactory>(0).GetGrain<ISagaGrain>(id).GetGrainId());
    }

    private async Task<(string Status, string? Reason)> StatusAndReasonAsync(string id)
    {
        var saga = await _client.EndAsync(0, id);
        return (saga.Summary.Status, saga.Summary.Reason);
    }

    private Task<SagaDefinitionAnswer> PutAsync(string name, int version, string definition) => _cluster.Sagas(0).PutDefinitionAsync(
        name, version, Encoding.UTF8.GetBytes(definition), null, GrainDbCluster.Timeout, TestContext.Current.CancellationToken);
}
