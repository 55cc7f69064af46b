using System.Text.Json;
using GrainDb.Engine.Sagas;

namespace GrainDb.Simulation.Sagas;

/// <summary>What one seed tries: chosen once, from the seed.</summary>
internal sealed record SagaProfile
{
    private static readonly TimeSpan QuickPause = TimeSpan.FromMilliseconds(20);

    public required SagaDefinition Definition { get; init; }

    /// <summary>How likely a call of a service is refused, of a step before the pivot or of the pivot.</summary>
    public required double Rejections { get; init; }

    /// <summary>How likely an attempt fails, with or without its effect.</summary>
    public required double Failures { get; init; }

    /// <summary>How likely an append fails, with or without its effect, at once or later.</summary>
    public required double LogErrors { get; init; }

    /// <summary>Mean time between crashes of an activation; zero for none.</summary>
    public required TimeSpan Crashes { get; init; }

    /// <summary>Activations that may live at once.</summary>
    public required int Activations { get; init; }

    /// <summary>How far a clock jumps.</summary>
    public required TimeSpan ClockJump { get; init; }

    public required bool Cancels { get; init; }

    /// <summary>Compensations fail until a person comes.</summary>
    public required bool Sticks { get; init; }

    public required SagaFaults Faults { get; init; }

    public static SagaProfile Draw(Random random, SagaFaults faults) => new()
    {
        Definition = DrawDefinition(random),
        Rejections = random.Next(3) * 0.1,
        Failures = random.Next(4) * 0.15,
        LogErrors = random.Next(4) * 0.12,
        Crashes = random.Next(3) == 0 ? TimeSpan.Zero : TimeSpan.FromMilliseconds(random.Next(50, 800)),
        Activations = random.Next(1, 4),
        ClockJump = random.Next(2) == 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(random.Next(1, 600)),
        Cancels = random.Next(2) == 0,
        Sticks = random.Next(3) == 0,
        Faults = faults,
    };

    private static SagaDefinition DrawDefinition(Random random)
    {
        var steps = new List<SagaStep>();
        var (before, after) = (random.Next(4), random.Next(3));
        var isGrouped = random.Next(2) == 0;
        for (var i = 0; i < before; i++)
            steps.Add(Step($"before{i}", "undo", SagaStepKind.Compensatable, isGrouped ? "together" : null, random.Next(6) == 0 ? $"signal{i}" : null));
        if (before == 0 || random.Next(3) > 0)
            steps.Add(Step("pivot", random.Next(2) == 0 ? "undo" : null, SagaStepKind.Pivot, null, null));
        for (var i = 0; i < after; i++)
            steps.Add(Step($"after{i}", null, SagaStepKind.Retriable, isGrouped ? "then" : null, null));
        var definition = new SagaDefinition("simulated", 1, steps, random.Next(4) == 0 ? TimeSpan.FromSeconds(random.Next(1, 60)) : null);
        return definition.FindProblems() is [var problem, ..] ? throw new InvalidOperationException(problem) : definition;
    }

    private static SagaStep Step(string name, string? undo, SagaStepKind kind, string? group, string? signal) => new(
        name, "simulated", "do", undo, kind, group, TimeSpan.FromMilliseconds(500), new SagaRetry(QuickPause, 2, QuickPause * 10, ForwardAttempts: 4, BackwardAttempts: 4), signal, JsonSerializer.SerializeToElement(name));
}
