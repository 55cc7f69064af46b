using System.Text.Json;
using CsCheck;
using GrainDb.Engine.Sagas;
using Xunit;

namespace GrainDb.Engine.Tests.Sagas;

/// <summary>
/// Random definitions, services that fail in every way, crashes after every row and in the middle of every call, cancels at any time: whatever
/// happens, the saga ends, and what the services did then is all or nothing.
/// </summary>
public sealed class SagaMachineProperties
{
    [Fact]
    public void Every_saga_ends_with_all_effects_or_none() => Gen.Select(SagaGen.Definition, Gen.Int).Sample(
        (definition, seed) =>
        {
            var run = new SagaRun(definition, seed);
            run.ToTheEnd();
            var status = run.State.End;
            Assert.True(status is SagaStatus.Completed or SagaStatus.Compensated, $"{status}: {run.Describe()}");
            if (status == SagaStatus.Completed)
                Assert.All(definition.Steps, step => Assert.True(run.Services.HasEffect(step.Name), $"{step.Name} is missing: {run.Describe()}"));
            else
                Assert.All(definition.Steps, step => Assert.False(run.Services.HasEffect(step.Name), $"{step.Name} is left: {run.Describe()}"));
        },
        iter: 3_000);

    [Fact]
    public void Groups_are_undone_in_reverse_and_only_before_the_pivot() => Gen.Select(SagaGen.Definition, Gen.Int).Sample(
        (definition, seed) =>
        {
            var run = new SagaRun(definition, seed);
            run.ToTheEnd();
            var order = run.Rows.OfType<SagaEvent.UndoScheduled>().Select(row => definition.GroupOf(definition.Steps.ToList().FindIndex(step => step.Name == row.Step)).First).ToList();
            Assert.Equal(order.OrderDescending(), order);
            if (run.Rows.Exists(row => row is SagaEvent.PivotPassed))
                Assert.Empty(order);
        },
        iter: 1_000);

    [Fact]
    public void A_row_read_back_is_the_row() => Gen.Select(SagaGen.Definition, Gen.Int).Sample(
        (definition, seed) =>
        {
            var run = new SagaRun(definition, seed);
            run.ToTheEnd();
            foreach (var row in run.Rows)
                Assert.Equal(SagaJson.Encode(row), SagaJson.Encode(SagaJson.Decode(SagaJson.Encode(row))));
        },
        iter: 100);

    private static class SagaGen
    {
        private static readonly SagaRetry Quick = new(TimeSpan.FromMilliseconds(10), 2, TimeSpan.FromMilliseconds(100), ForwardAttempts: 3, BackwardAttempts: SagaLimits.MaxAttempts);

        /// <summary>Up to three compensatable steps, perhaps in a group; perhaps a pivot; up to two retriable ones.</summary>
        public static readonly Gen<SagaDefinition> Definition = Gen.Select(Gen.Int[0, 3], Gen.Int[0, 2], Gen.Bool, Gen.Int[0, 2], (before, pivot, grouped, after) =>
        {
            var steps = new List<SagaStep>();
            for (var i = 0; i < before; i++)
                steps.Add(Step($"before{i}", "undo", SagaStepKind.Compensatable, grouped ? "together" : null));
            if (pivot > 0 || before == 0)
                steps.Add(Step("pivot", pivot == 2 ? "undo" : null, SagaStepKind.Pivot, null));
            for (var i = 0; i < after; i++)
                steps.Add(Step($"after{i}", null, SagaStepKind.Retriable, null));
            var definition = new SagaDefinition("made", 1, steps, null);
            Assert.Empty(definition.FindProblems());
            return definition;
        });

        private static SagaStep Step(string name, string? undo, SagaStepKind kind, string? group) =>
            new(name, "made", "do", undo, kind, group, TimeSpan.FromSeconds(1), Quick, null, JsonSerializer.SerializeToElement(new { id = "$.id" }));
    }
}
