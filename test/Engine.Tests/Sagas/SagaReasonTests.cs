using System.Text.Json;
using GrainDb.Engine.Sagas;
using Xunit;

namespace GrainDb.Engine.Tests.Sagas;

/// <summary>What a saga says of why it stands where it stands.</summary>
public sealed class SagaReasonTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly SagaDefinition Definition = new(
        "made", 1, [Step("one", "undo", SagaStepKind.Compensatable), Step("two", null, SagaStepKind.Retriable)], null);

    [Fact]
    public void Who_was_stuck_on_the_way_back_says_in_the_end_why_he_turned_back()
    {
        var state = Begun(
            new SagaEvent.CancelRequested(Now, "ada", "too late"),
            new SagaEvent.UndoScheduled(Now, "one"),
            new SagaEvent.AttemptFailed(Now, "one", IsUndo: true, 20, "answered 503", Now, IsExhausted: true, IsBug: false),
            new SagaEvent.Stuck(Now, "one", "answered 503"));
        Assert.Equal("one: answered 503", state.WhyHere(Now));

        state = state.Apply(Done(SagaOperatorAction.MarkUndone, "one", "by hand")).Apply(new SagaEvent.Ended(Now, SagaStatus.Compensated));

        Assert.Equal("cancelled by ada: too late", state.WhyHere(Now));
    }

    [Fact]
    public void Who_was_stuck_and_completed_has_nothing_to_say()
    {
        var state = Begun(
            new SagaEvent.StepCompleted(Now, "one", default),
            new SagaEvent.StepScheduled(Now, "two", default),
            new SagaEvent.Stuck(Now, "two", "there is no such service"));
        Assert.Equal("two: there is no such service", state.WhyHere(Now));

        state = state.Apply(Done(SagaOperatorAction.Skip, "two", "by hand")).Apply(new SagaEvent.Ended(Now, SagaStatus.Completed));

        Assert.Null(state.WhyHere(Now));
    }

    [Theory]
    [InlineData("", "paused by ada")]
    [InlineData("hold on", "paused by ada: hold on")]
    public void A_reason_that_nobody_gave_leaves_no_colon(string reason, string says) =>
        Assert.Equal(says, Begun(Done(SagaOperatorAction.Pause, null, reason)).WhyHere(Now));

    [Fact]
    public void What_is_refused_is_named_as_answers_name_it()
    {
        var state = Begun(new SagaEvent.CancelRequested(Now, "ada", ""), new SagaEvent.UndoScheduled(Now, "one"));
        Assert.Contains("step 'two' is notStarted, going backward", SagaMachine.WhyNot(state, SagaOperatorAction.Skip, "two")!.Detail, StringComparison.Ordinal);

        state = state.Apply(new SagaEvent.UndoCompleted(Now, "one", default)).Apply(new SagaEvent.Ended(Now, SagaStatus.Compensated));
        Assert.Contains("it has ended: compensated", SagaMachine.WhyNot(state, SagaOperatorAction.Close, null)!.Detail, StringComparison.Ordinal);
    }

    private static SagaState Begun(params SagaEvent[] rows) => SagaState.Of(
        Definition, [new SagaEvent.Started(Now, "s", "made", 1, JsonSerializer.SerializeToElement(1)), new SagaEvent.StepScheduled(Now, "one", default), .. rows]);

    private static SagaEvent.Operator Done(SagaOperatorAction action, string? step, string reason) => new(Now, action, step, "ada", reason, default);

    private static SagaStep Step(string name, string? compensation, SagaStepKind kind) =>
        new(name, "made", "do", compensation, kind, null, TimeSpan.FromSeconds(1), SagaRetry.Default, null, default);
}
