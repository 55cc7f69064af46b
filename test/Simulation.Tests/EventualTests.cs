using GrainDb.Engine.Eventual;
using GrainDb.Simulation.Core;
using GrainDb.Simulation.Eventual;

namespace GrainDb.Simulation.Tests;

/// <summary>Eventual keyspaces under crashes, cuts, lost disks, moves and wrong clocks; and the proof that the checkers notice an error (the others of <see cref="EventualFaults"/> are not measured yet).</summary>
public sealed class EventualTests
{
    private const int Some = 300;
    private const int MaxSeeds = 300;

    [Fact]
    public void No_seed_breaks_a_promise()
    {
        List<EventualRunResult> results = Run(1, Some, EventualFaults.None);
        var violations = results.SelectMany(result => result.Violations.Select(violation => $"seed {result.Seed}: {violation}")).ToList();
        Assert.True(violations.Count == 0, string.Join('\n', violations.Take(5)));
        Assert.True(results.Sum(result => result.Succeeded) > Some * 50, $"only {results.Sum(result => result.Succeeded)} operations succeeded");
        Assert.True(results.Sum(result => result.Moves) > Some / 20, $"only {results.Sum(result => result.Moves)} moves");
        Assert.True(results.Sum(result => result.Forgotten) > Some / 3, $"only {results.Sum(result => result.Forgotten)} keys forgotten");
        Assert.True(results.Sum(result => result.LostDisks) > Some / 20, $"only {results.Sum(result => result.LostDisks)} disks lost");
    }

    [Theory]
    [InlineData(nameof(EventualFaults.ForgetLostDisk))]
    [InlineData(nameof(EventualFaults.ForgetRequests))]
    public void An_error_is_noticed(string error)
    {
        for (var from = 1; from <= MaxSeeds; from += 50)
        {
            if (Run(from, 50, Enum.Parse<EventualFaults>(error)).Find(result => result.Violations.Count > 0) is { } noticed)
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

    private static List<EventualRunResult> Run(int from, int many, EventualFaults faults) =>
        [.. Enumerable.Range(from, many).AsParallel().Select(seed => EventualRun.One(seed, faults, Trace.None)).OrderBy(result => result.Seed)];

    private static string TraceOf(int seed)
    {
        using var lines = new StringWriter();
        EventualRun.One(seed, EventualFaults.None, new Trace(lines));
        return lines.ToString();
    }
}
