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
        var append = Next<SagaEffect.Append>(Loaded(driver));

        Assert.Equal(["started", "stepScheduled"], append.Rows.Select(NameOf));
        Assert.Empty(driver.Next(Now));
        Assert.Empty(_verdicts);

        driver.Appended(SagaAppendOutcome.Appended, Now);
        Assert.IsType<SagaVerdict.Row>(Assert.Single(_verdicts));
        Assert.Equal("one", Next<SagaEffect.Call>(driver).Step.Step.Step.Name);
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
        Next<SagaEffect.Append>(Loaded(driver));
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
        _log.AddRange(Next<SagaEffect.Append>(Loaded(driver)).Rows);
        driver.Appended(SagaAppendOutcome.Appended, Now);
        call = Next<SagaEffect.Call>(driver).Step;
        return driver;
    }
}
