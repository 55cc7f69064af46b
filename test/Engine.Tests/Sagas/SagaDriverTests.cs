using System.Text.Json;
using GrainDb.Engine.Sagas;
using GrainDb.Interfaces.Errors;
using Xunit;

namespace GrainDb.Engine.Tests.Sagas;

/// <summary>One activation, step by step. Every course of events beside it is in the simulation.</summary>
public sealed class SagaDriverTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly List<ReadOnlyMemory<byte>> _log = [];
    private readonly List<SagaVerdict> _verdicts = [];

    [Fact]
    public void A_start_and_the_first_schedule_are_one_append_and_the_call_comes_after()
    {
        var driver = NewDriver();
        driver.Propose(Start(1));
        var append = Next<SagaEffect.Append>(driver);

        Assert.Equal(["started", "stepScheduled"], append.Rows.Select(NameOf));
        Assert.Empty(driver.Next(Now));
        Assert.Empty(_verdicts);

        driver.Appended(SagaAppendOutcome.Appended, Now);
        Assert.IsType<SagaVerdict.Row>(Assert.Single(_verdicts));
        Assert.Equal("one", Next<SagaEffect.Call>(driver).Step.Step.Step.Name);
    }

    [Fact]
    public void Who_hopes_that_there_is_no_log_says_nothing_of_it_to_others_before_it_is_read()
    {
        var driver = NewDriver();
        driver.Propose(SagaProposal.Look(_verdicts.Add));
        driver.Propose(Start(1));
        Next<SagaEffect.Append>(driver);
        _log.Add(SagaJson.Encode(new SagaEvent.Started(Now, "s", "made", 1, JsonSerializer.SerializeToElement(1))));
        driver.Appended(SagaAppendOutcome.Lost, Now);
        Assert.Empty(_verdicts);

        Loaded(driver).Next(Now);

        Assert.Equal(2, _verdicts.Count);
        Assert.All(_verdicts, verdict => Assert.IsType<SagaVerdict.Already>(verdict));
    }

    [Fact]
    public void An_answer_and_what_follows_from_it_are_one_append()
    {
        var driver = Started(out var call);

        driver.Answered(call, new SagaCallResult(SagaCallStatus.Completed, default, ""));

        Assert.Equal(["stepCompleted", "pivotPassed", "ended"], Next<SagaEffect.Append>(driver).Rows.Select(NameOf));
    }

    [Fact]
    public void Who_lost_reads_again_and_decides_anew()
    {
        var driver = NewDriver();
        driver.Propose(Start(2));
        Next<SagaEffect.Append>(driver);
        _log.Add(SagaJson.Encode(new SagaEvent.Started(Now, "s", "made", 1, JsonSerializer.SerializeToElement(1))));

        driver.Appended(SagaAppendOutcome.Lost, Now);

        Assert.Equal(["stepScheduled"], Next<SagaEffect.Append>(Loaded(driver)).Rows.Select(NameOf));
        Assert.Equal(ErrorCode.IdempotencyMismatch, Assert.IsType<SagaVerdict.Refused>(Assert.Single(_verdicts)).Why.Code);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_append_of_which_nobody_knows_is_looked_for_in_the_log(bool happened)
    {
        var driver = Started(out _);
        driver.Propose(SagaProposal.Signal("go", default, null, _verdicts.Add));
        var append = Next<SagaEffect.Append>(driver);
        if (happened)
            _log.AddRange(append.Rows);
        _verdicts.Clear();

        driver.Appended(SagaAppendOutcome.Unknown, Now);

        Assert.IsType<SagaEffect.Wait>(Assert.Single(driver.Next(Now)));
        var later = Now + SagaLimits.LongestLogPause;
        Assert.IsType<SagaEffect.Load>(Assert.Single(driver.Next(later)));
        driver.Loaded(Definition, _log);
        if (happened)
            Assert.IsType<SagaVerdict.Already>(Assert.Single(_verdicts));
        else
            Assert.Equal(["signalReceived"], Assert.IsType<SagaEffect.Append>(Assert.Single(driver.Next(later))).Rows.Select(NameOf));
    }

    [Fact]
    public void A_request_that_is_given_up_certainly_did_not_happen_only_if_it_was_never_sent()
    {
        var driver = Started(out _);
        var sent = SagaProposal.Signal("sent", default, null, _verdicts.Add);
        var waiting = SagaProposal.Signal("waiting", default, null, _verdicts.Add);
        driver.Propose(sent);
        Next<SagaEffect.Append>(driver);
        driver.Propose(waiting);

        Assert.False(driver.Withdraw(sent));
        Assert.True(driver.Withdraw(waiting));
    }

    [Fact]
    public void One_that_certainly_was_not_applied_may_be_given_up()
    {
        var driver = Started(out _);
        var proposal = SagaProposal.Signal("go", default, null, _verdicts.Add);
        driver.Propose(proposal);
        Next<SagaEffect.Append>(driver);
        driver.Appended(SagaAppendOutcome.NotApplied, Now);

        Assert.True(driver.Withdraw(proposal));
    }

    [Fact]
    public void Too_many_requests_are_refused()
    {
        var driver = NewDriver();
        for (var i = 0; i < SagaLimits.MaxProposals; i++)
            Assert.Null(driver.Propose(SagaProposal.Look(_verdicts.Add)));

        Assert.Equal(ErrorCode.Overloaded, driver.Propose(SagaProposal.Look(_verdicts.Add))!.Code);
    }

    [Fact]
    public void Nothing_but_a_start_makes_a_saga()
    {
        var driver = NewDriver();
        driver.Propose(SagaProposal.Cancel("a", "b", null, _verdicts.Add));

        Assert.IsType<SagaEffect.Wait>(Assert.Single(Loaded(driver).Next(Now)));
        Assert.Equal(ErrorCode.SagaNotFound, Assert.IsType<SagaVerdict.Refused>(Assert.Single(_verdicts)).Why.Code);
    }

    [Theory]
    [InlineData(SagaOperatorAction.Pause, "pause")]
    [InlineData(SagaOperatorAction.MarkUndone, "markUndone")]
    public void A_row_says_what_a_person_did(SagaOperatorAction action, string name)
    {
        var row = JsonSerializer.Deserialize<JsonElement>(SagaJson.Encode(new SagaEvent.Operator(Now, action, null, "a", "b", default)));

        Assert.Equal(name, row.GetProperty("action").GetString());
    }

    [Fact]
    public void A_saga_whose_log_is_full_is_stuck_says_so_and_can_only_be_closed()
    {
        var state = Full();

        var stuck = Assert.IsType<SagaEvent.Stuck>(Assert.IsType<SagaAction.Append>(Assert.Single(SagaMachine.Next(state, Now, new HashSet<string>()))).Row);
        state = state.Apply(stuck);

        Assert.Equal("one", stuck.Step);
        Assert.Equal((SagaStatus.StuckForward, SagaStatus.StuckForward), (state.StatusAt(Now), SagaIndexRow.Of(state).Status));
        Assert.Contains("the limit is 10000", state.WhyHere(Now), StringComparison.Ordinal);
        Assert.Null(Assert.IsType<SagaAction.Wait>(Assert.Single(SagaMachine.Next(state, Now, new HashSet<string>()))).Until);
        foreach (var action in Enum.GetValues<SagaOperatorAction>())
            Assert.Equal(action == SagaOperatorAction.Close, SagaMachine.WhyNot(state, action, "one") is null);
    }

    [Fact]
    public void A_step_whose_input_cannot_be_given_is_tried_again_or_skipped()
    {
        var large = JsonSerializer.SerializeToElement(new string('x', SagaLimits.MaxDocumentBytes - 10));
        var step = Definition.Steps[0] with { Input = JsonSerializer.SerializeToElement(new { a = "$.input", b = "$.input" }) };
        var definition = Definition with { Steps = [step] };
        var state = SagaState.Of(definition, [new SagaEvent.Started(Now, "s", "made", 1, large)]);
        state = state.Apply(Assert.IsType<SagaAction.Append>(Assert.Single(SagaMachine.Next(state, Now, new HashSet<string>()))).Row);

        Assert.Equal("one", state.StuckIn);
        Assert.Null(SagaMachine.WhyNot(state, SagaOperatorAction.Retry, "one"));
        Assert.Null(SagaMachine.WhyNot(state, SagaOperatorAction.Skip, "one"));
        var skipped = state.Apply(new SagaEvent.Operator(Now, SagaOperatorAction.Skip, "one", "a", "b", default));
        Assert.IsType<SagaEvent.PivotPassed>(Assert.IsType<SagaAction.Append>(Assert.Single(SagaMachine.Next(skipped, Now, new HashSet<string>()))).Row);
    }

    [Fact]
    public void A_step_that_a_person_skipped_is_undone_on_the_way_back_if_it_may_have_been_called()
    {
        var definition = Definition with { Steps = [Definition.Steps[0] with { Compensation = "undo", Kind = SagaStepKind.Compensatable }, Definition.Steps[0] with { Name = "two" }] };
        var state = SagaState.Of(definition, [
            new SagaEvent.Started(Now, "s", "made", 1, JsonSerializer.SerializeToElement(1)),
            new SagaEvent.StepScheduled(Now, "one", JsonSerializer.SerializeToElement(1)),
            new SagaEvent.AttemptFailed(Now, "one", IsUndo: false, 1, "no answer", Now, IsExhausted: false, IsBug: false),
            new SagaEvent.Operator(Now, SagaOperatorAction.Skip, "one", "a", "it looks done", default),
            new SagaEvent.StepScheduled(Now, "two", JsonSerializer.SerializeToElement(1)),
            new SagaEvent.StepRejected(Now, "two", "no"),
        ]);

        var row = Assert.IsType<SagaAction.Append>(Assert.Single(SagaMachine.Next(state, Now, new HashSet<string>()))).Row;

        Assert.Equal("one", Assert.IsType<SagaEvent.UndoScheduled>(row).Step);
        var call = Assert.IsType<SagaAction.Call>(Assert.Single(SagaMachine.Next(state.Apply(row), Now, new HashSet<string>())));
        Assert.True(call.IsUndo);
    }

    [Fact]
    public void To_cancel_what_is_stuck_on_its_way_back_is_no_failure_and_changes_nothing()
    {
        var definition = Definition with { Steps = [Definition.Steps[0] with { Compensation = "undo", Kind = SagaStepKind.Compensatable, WaitFor = null }] };
        var driver = NewDriver();
        Assert.IsType<SagaEffect.Load>(Assert.Single(driver.Next(Now)));
        driver.Loaded(definition, [.. new SagaEvent[]
        {
            new SagaEvent.Started(Now, "s", "made", 1, JsonSerializer.SerializeToElement(1)),
            new SagaEvent.StepScheduled(Now, "one", JsonSerializer.SerializeToElement(1)),
            new SagaEvent.CancelRequested(Now, "a", "b"),
            new SagaEvent.UndoScheduled(Now, "one"),
            new SagaEvent.AttemptFailed(Now, "one", IsUndo: true, 20, "closed", Now + SagaLimits.StuckRetry, IsExhausted: true, IsBug: false),
            new SagaEvent.Stuck(Now, "one", "closed"),
        }.Select(row => (ReadOnlyMemory<byte>)SagaJson.Encode(row))]);

        driver.Propose(SagaProposal.Cancel("a", "again", null, _verdicts.Add));

        Assert.IsType<SagaEffect.Wait>(Assert.Single(driver.Next(Now)));
        Assert.IsType<SagaVerdict.Already>(Assert.Single(_verdicts));
    }

    public static TheoryData<string> Unusable => [$"\"{new string('x', SagaLimits.MaxDocumentBytes)}\"", """{"a":["\ud800"]}""", """{"\udc00":1}""", $"{new string('[', 49)}{new string(']', 49)}"];

    [Theory]
    [MemberData(nameof(Unusable))]
    public void An_output_that_cannot_be_kept_is_an_error_of_the_service(string output)
    {
        var driver = Started(out var call);
        using var document = JsonDocument.Parse(output, new JsonDocumentOptions { MaxDepth = 1_000 });

        driver.Answered(call, new SagaCallResult(SagaCallStatus.Completed, document.RootElement, ""));

        Assert.Equal(["attemptFailed", "stuck"], Next<SagaEffect.Append>(driver).Rows.Select(NameOf));
    }

    [Fact]
    public void The_deepest_that_is_kept_is_read_again()
    {
        var driver = Started(out var call);
        using var document = JsonDocument.Parse($"{new string('[', 48)}{new string(']', 48)}", new JsonDocumentOptions { MaxDepth = 1_000 });
        driver.Answered(call, new SagaCallResult(SagaCallStatus.Completed, document.RootElement, ""));

        Assert.Equal(document.RootElement.GetRawText(), Assert.IsType<SagaEvent.StepCompleted>(SagaJson.Decode(Next<SagaEffect.Append>(driver).Rows[0].Span)).Output.GetRawText());
    }

    private static SagaDefinition Definition { get; } = new(
        "made", 1, [new SagaStep("one", "made", "do", null, SagaStepKind.Pivot, null, TimeSpan.FromSeconds(1), SagaRetry.Default, null, default)], null);

    private static SagaState Full()
    {
        var state = SagaState.Of(Definition, [new SagaEvent.Started(Now, "s", "made", 1, JsonSerializer.SerializeToElement(1)), new SagaEvent.StepScheduled(Now, "one", JsonSerializer.SerializeToElement(1))]);
        while (!state.IsLogFull)
            state = state.Apply(new SagaEvent.Operator(Now, state.IsPaused ? SagaOperatorAction.Resume : SagaOperatorAction.Pause, null, "a", "b", default));
        return state;
    }

    private static SagaDriver NewDriver() => new("s", () => 0.5);

    private static string NameOf(ReadOnlyMemory<byte> row) => JsonSerializer.Deserialize<JsonElement>(row.Span).GetProperty("event").GetString()!;

    private static T Next<T>(SagaDriver driver)
        where T : SagaEffect => Assert.IsType<T>(driver.Next(Now)[0]);

    private SagaProposal Start(int input) => SagaProposal.Start("s", Definition, isVersionFixed: true, JsonSerializer.SerializeToElement(input), null, _verdicts.Add);

    private SagaDriver Loaded(SagaDriver driver)
    {
        Assert.IsType<SagaEffect.Load>(Assert.Single(driver.Next(Now)));
        driver.Loaded(_log.Count == 0 ? null : Definition, _log);
        return driver;
    }

    private SagaDriver Started(out SagaAction.Call call)
    {
        var driver = NewDriver();
        driver.Propose(Start(1));
        _log.AddRange(Next<SagaEffect.Append>(driver).Rows);
        driver.Appended(SagaAppendOutcome.Appended, Now);
        call = Next<SagaEffect.Call>(driver).Step;
        return driver;
    }
}
