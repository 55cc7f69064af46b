using GrainDb.Simulation.Cluster;
using GrainDb.Simulation.Core;

namespace GrainDb.Simulation.Tests;

public sealed class SeedTests
{
    private const int Some = 300;
    private const int WithTransactions = 150;

    [Fact]
    public void No_seed_breaks_a_promise()
    {
        var violations = new List<string>();
        var summary = Seeds.Run(1, Some, new RunOptions { Transactions = false }, keepsGoing: false, result => violations.AddRange(result.Violations.Select(violation => $"seed {result.Seed}: {violation}")));
        Assert.True(summary.Failed.Count == 0, string.Join('\n', violations));

        // A cluster that serves nobody breaks no promise either.
        Assert.True(summary.Succeeded > Some * 50, $"only {summary.Succeeded} operations succeeded");
        Assert.True(summary.Epochs > Some * 2, $"only {summary.Epochs} leaders");
    }

    [Fact]
    public void No_seed_of_transactions_breaks_a_promise()
    {
        var violations = new List<string>();
        var summary = Seeds.Run(
            1, WithTransactions, new RunOptions { Transactions = true }, keepsGoing: false, result => violations.AddRange(result.Violations.Select(violation => $"seed {result.Seed}: {violation}")));
        Assert.True(summary.Failed.Count == 0, string.Join('\n', violations));
        Assert.True(summary.Succeeded > WithTransactions * 50, $"only {summary.Succeeded} operations succeeded");
    }

    /// <summary>Courses that chance takes too rarely, and in which errors of transactions show.</summary>
    [Theory]
    [InlineData(nameof(Script.ClocksApart), 40)]
    [InlineData(nameof(Script.LateDecision), 20)]
    public void No_seed_of_a_course_breaks_a_promise(string script, int seeds)
    {
        var violations = new List<string>();
        var summary = Seeds.Run(1, seeds, new RunOptions { Script = Enum.Parse<Script>(script) }, keepsGoing: false, result => violations.AddRange(result.Violations.Select(violation => $"seed {result.Seed}: {violation}")));
        Assert.True(summary.Failed.Count == 0, string.Join('\n', violations));
        Assert.True(summary.Committed > seeds * 10, $"only {summary.Committed} transactions committed");
    }

    [Fact]
    public void A_seed_says_everything()
    {
        Assert.Equal(TraceOf(3), TraceOf(3));
        Assert.NotEqual(TraceOf(3), TraceOf(4));
    }

    private static string TraceOf(int seed)
    {
        using var lines = new StringWriter();
        Run.One(seed, new RunOptions { Script = Script.None }, new Trace(lines));
        return lines.ToString();
    }
}
