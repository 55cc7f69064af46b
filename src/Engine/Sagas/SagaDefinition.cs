using System.Buffers;

namespace GrainDb.Engine.Sagas;

/// <summary>
/// A business process as data: steps forward, compensations backward. Immutable under its name and version; a saga stays on the version on
/// which it began. Source: Garcia-Molina and Salem, "Sagas" (1987); kinds of steps as in Zhang et al., "Ensuring Relaxed Atomicity for Flexible
/// Transactions" (1994).
/// </summary>
/// <param name="Name">Name of the process.</param>
/// <param name="Version">1, 2, ….</param>
/// <param name="Steps">In order.</param>
/// <param name="Deadline">How long it may take: before the pivot it is compensated then, after it an alarm is raised; null for ever.</param>
public sealed record SagaDefinition(string Name, int Version, IReadOnlyList<SagaStep> Steps, TimeSpan? Deadline)
{
    private static readonly SearchValues<char> NameCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    /// <summary>Position of the pivot; -1 without one.</summary>
    public int Pivot { get; } = Steps.Select((step, index) => (step, index)).Where(at => at.step.Kind == SagaStepKind.Pivot).Select(at => at.index).FirstOrDefault(-1);

    /// <summary>Everything that is wrong with it, for the person who wrote it; empty when it can be used.</summary>
    public IReadOnlyList<string> FindProblems()
    {
        var problems = new List<string>();
        CheckName(Name, "name", problems);
        if (Version < 1)
            problems.Add($"version is {Version}: 1 or more");
        if (Deadline is { } deadline && (deadline <= TimeSpan.Zero || deadline > SagaLimits.MaxDeadline))
            problems.Add($"deadline is {deadline}: up to {SagaLimits.MaxDeadline}");
        if (Steps.Count is 0 or > SagaLimits.MaxSteps)
            problems.Add($"{Steps.Count} steps: 1 to {SagaLimits.MaxSteps}");
        foreach (var twice in Steps.GroupBy(step => step.Name, StringComparer.Ordinal).Where(group => group.Count() > 1))
            problems.Add($"two steps are called '{twice.Key}'");
        for (var i = 0; i < Steps.Count; i++)
            CheckStep(i, problems);
        return problems;
    }

    /// <summary>Whether a text can name a definition, a step or a saga.</summary>
    public static bool IsName(string? text, int maxLength) =>
        text is { Length: > 0 } && text.Length <= maxLength && !text.AsSpan().ContainsAnyExcept(NameCharacters);

    /// <summary>The steps that run together with the one at <paramref name="index"/>: first and last position.</summary>
    internal (int First, int Last) GroupOf(int index)
    {
        if (Steps[index].Group is not { } group)
            return (index, index);
        var (first, last) = (index, index);
        while (first > 0 && Steps[first - 1].Group == group)
            first--;
        while (last + 1 < Steps.Count && Steps[last + 1].Group == group)
            last++;
        return (first, last);
    }

    private void CheckStep(int index, List<string> problems)
    {
        var step = Steps[index];
        var where = $"step '{step.Name}'";
        CheckName(step.Name, "a step's name", problems);
        CheckName(step.Service, $"{where}: service", problems);
        CheckName(step.Action, $"{where}: action", problems);
        if (step.Compensation is not null)
            CheckName(step.Compensation, $"{where}: compensation", problems);
        if (step.Group is not null)
            CheckName(step.Group, $"{where}: group", problems);
        if (step.WaitFor is not null)
            CheckName(step.WaitFor, $"{where}: waitFor", problems);
        if (step.Timeout < SagaLimits.MinTimeout || step.Timeout > SagaLimits.MaxTimeout)
            problems.Add($"{where}: timeout is {step.Timeout}: {SagaLimits.MinTimeout} to {SagaLimits.MaxTimeout}");
        CheckRetry(step.Retry, where, problems);
        if (step.Kind == SagaStepKind.Compensatable && step.Compensation is null)
            problems.Add($"{where} stands before the point of no return and has no compensation");
        if (step.Kind == SagaStepKind.Retriable && step.Compensation is not null)
            problems.Add($"{where} is retriable: a compensation would never be used");
        if (index > 0 && step.Kind < Steps[index - 1].Kind)
            problems.Add($"{where} is {SagaJson.NameOf(step.Kind)} and stands behind a {SagaJson.NameOf(Steps[index - 1].Kind)} one: compensatable steps come first, then at most one pivot, then retriable ones");
        if (step.Kind == SagaStepKind.Pivot && index != Pivot)
            problems.Add($"{where} is a second pivot");
        if (step.Kind == SagaStepKind.Pivot && GroupOf(index) != (index, index))
            problems.Add($"{where} is the pivot and shares a group");
        if (step.Group is { } group && Enumerable.Range(0, GroupOf(index).First).Any(earlier => Steps[earlier].Group == group))
            problems.Add($"{where}: the steps of group '{group}' are not neighbours");
        foreach (var problem in SagaTemplate.FindProblems(step.Input, Steps.Take(GroupOf(index).First).Select(before => before.Name)))
            problems.Add($"{where}: input: {problem}");
    }

    private static void CheckRetry(SagaRetry retry, string where, List<string> problems)
    {
        if (retry.ForwardAttempts is < 1 or > SagaLimits.MaxAttempts || retry.BackwardAttempts is < 1 or > SagaLimits.MaxAttempts)
            problems.Add($"{where}: attempts are 1 to {SagaLimits.MaxAttempts}");
        if (retry.FirstPause < TimeSpan.Zero || retry.LongestPause < retry.FirstPause || retry.LongestPause > SagaLimits.MaxTimeout)
            problems.Add($"{where}: pauses grow from {retry.FirstPause} to {retry.LongestPause}: ascending, up to {SagaLimits.MaxTimeout}");
        if (!double.IsFinite(retry.Factor) || retry.Factor is < 1 or > 10)
            problems.Add($"{where}: the factor of pauses is {retry.Factor}: 1 to 10");
    }

    private static void CheckName(string name, string what, List<string> problems)
    {
        if (!IsName(name, SagaLimits.MaxNameLength))
            problems.Add($"{what} is '{name}': 1 to {SagaLimits.MaxNameLength} of A-Z a-z 0-9 . _ -");
    }
}
