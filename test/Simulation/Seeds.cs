using GrainDb.Simulation.Core;

namespace GrainDb.Simulation;

/// <summary>What many seeds gave.</summary>
internal sealed class SeedsSummary
{
    public List<int> Failed { get; } = [];

    public int Runs { get; set; }

    public long Operations { get; set; }

    public long Succeeded { get; set; }

    public long Transactions { get; set; }

    public long Committed { get; set; }

    public long Epochs { get; set; }

    public long Events { get; set; }
}

/// <summary>Runs many seeds, one per core at a time; each for itself is a single thread.</summary>
internal static class Seeds
{
    /// <param name="from">The first seed.</param>
    /// <param name="many">How many.</param>
    /// <param name="options">What is wanted of them.</param>
    /// <param name="keepsGoing">Whether to run all of them, whatever they give.</param>
    /// <param name="failed">Told of every seed that breaks a promise; one call at a time.</param>
    public static SeedsSummary Run(int from, int many, RunOptions options, bool keepsGoing, Action<RunResult> failed)
    {
        var summary = new SeedsSummary();
        Parallel.For(from, from + many, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, (seed, loop) =>
        {
            if (loop.ShouldExitCurrentIteration)
                return;
            var result = Simulation.Run.One(seed, options, Trace.None);
            lock (summary)
            {
                summary.Runs++;
                summary.Operations += result.Operations;
                summary.Succeeded += result.Succeeded;
                summary.Transactions += result.Transactions;
                summary.Committed += result.Committed;
                summary.Epochs += result.Epochs;
                summary.Events += result.Events;
                if (result.Violations.Count == 0)
                    return;
                summary.Failed.Add(seed);
                failed(result);
                if (!keepsGoing)
                    loop.Stop();
            }
        });
        return summary;
    }
}
