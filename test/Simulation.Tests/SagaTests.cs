using GrainDb.Engine.Sagas;
using GrainDb.Simulation.Core;
using GrainDb.Simulation.Sagas;

namespace GrainDb.Simulation.Tests;

/// <summary>
/// Sagas whose activations crash between any two steps of their drivers, and live beside each other, over logs and services that fail, answer late or never, at jumping clocks; and the proof that the
/// checks notice an error.
/// </summary>
public sealed class SagaTests
{
    private const int Some = 3_000;
    private const int MaxSeeds = 5_000;

    [Fact]
    public void No_seed_breaks_a_promise()
    {
        var results = Run(1, Some, SagaFaults.None);
        var violations = results.SelectMany(result => result.Violations.Select(violation => $"seed {result.Seed}: {violation}")).ToList();
        Assert.True(violations.Count == 0, $"{violations.Count}: " + string.Join('\n', violations.Take(5)));
        Assert.InRange(results.Count(result => result.End == SagaStatus.Completed), Some / 5, Some);
        Assert.InRange(results.Count(result => result.End == SagaStatus.Compensated), Some / 5, Some);
        Assert.True(results.Sum(result => result.Crashes) > Some, $"only {results.Sum(result => result.Crashes)} crashes");
        Assert.True(results.Sum(result => result.Undos) > Some / 5, $"only {results.Sum(result => result.Undos)} steps undone");
        Assert.True(results.Sum(result => result.Interventions) > Some, $"only {results.Sum(result => result.Interventions)} interventions");
    }

    [Theory]
    [InlineData(nameof(SagaFaults.CallBeforeDurable))]
    [InlineData(nameof(SagaFaults.SkipUndoOfUnknown))]
    [InlineData(nameof(SagaFaults.GuessAppended))]
    [InlineData(nameof(SagaFaults.ForgetSent))]
    [InlineData(nameof(SagaFaults.NewKeyPerAttempt))]
    [InlineData(nameof(SagaFaults.AppendAnyway))]
    [InlineData(nameof(SagaFaults.SettleNothing))]
    [InlineData(nameof(SagaFaults.ForgetSkipped))]
    public void An_error_is_noticed(string error)
    {
        for (var from = 1; from <= MaxSeeds; from += 100)
        {
            if (Run(from, 100, Enum.Parse<SagaFaults>(error)).Find(result => result.Violations.Count > 0) is { } noticed)
            {
                TestContext.Current.SendDiagnosticMessage($"{error}: noticed by seed {noticed.Seed}: {noticed.Violations[0]}");
                return;
            }
        }

        Assert.Fail($"{MaxSeeds} seeds, and nobody noticed {error}");
    }

    [Fact]
    public void A_seed_says_everything()
    {
        Assert.Equal(TraceOf(3), TraceOf(3));
        Assert.NotEqual(TraceOf(3), TraceOf(4));
    }

    private static List<SagaRunResult> Run(int from, int many, SagaFaults faults) =>
        [.. Enumerable.Range(from, many).AsParallel().Select(seed => SagaRun.One(seed, faults, Trace.None)).OrderBy(result => result.Seed)];

    private static string TraceOf(int seed)
    {
        using var lines = new StringWriter();
        SagaRun.One(seed, SagaFaults.None, new Trace(lines));
        return lines.ToString();
    }
}
