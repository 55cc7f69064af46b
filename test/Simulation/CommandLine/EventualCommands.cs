using System.Diagnostics;
using GrainDb.Engine.Eventual;
using GrainDb.Interfaces.Eventual;
using GrainDb.Simulation.Eventual;
using Trace = GrainDb.Simulation.Core.Trace;

namespace GrainDb.Simulation.CommandLine;

/// <summary>The same for eventual keyspaces.</summary>
internal static class EventualCommands
{
    /// <param name="from">The seed, or the first.</param>
    /// <param name="many">How many; null for the one.</param>
    /// <param name="faults">A deliberate error.</param>
    /// <param name="course">The course that is wanted; null for any.</param>
    /// <param name="policy">The policy that is wanted; null for any.</param>
    /// <param name="isTracing">Whether the one says everything that happens.</param>
    /// <param name="keepsGoing">Whether all are run, whatever they give.</param>
    /// <param name="output">Where to.</param>
    /// <returns>Exit code: 0 when no promise was broken, 1 when one was.</returns>
    public static int Execute(int from, int? many, EventualFaults faults, EventualCourse? course, ConflictPolicy? policy, bool isTracing, bool keepsGoing, TextWriter output)
    {
        var watch = Stopwatch.StartNew();
        var results = new List<EventualRunResult>();
        if (isTracing)
            results.Add(EventualRun.One(from, faults, course, policy, new Trace(output)));
        else
            Run(from, many ?? 1, faults, course, policy, keepsGoing, results);
        var failed = results.Where(result => result.Violations.Count > 0).OrderBy(result => result.Seed).ToList();
        foreach (var violation in failed.SelectMany(result => result.Violations.Select(violation => $"VIOLATION seed {result.Seed}: {violation}")))
            output.WriteLine(violation);
        output.WriteLine($"{results.Count} seeds in {watch.Elapsed.TotalSeconds:F0} s: {failed.Count} broke a promise; {results.Sum(result => result.Succeeded)} operations succeeded, {results.Sum(result => result.Moves)} moves, {results.Sum(result => result.LostDisks)} disks lost, {results.Sum(result => result.Forgotten)} keys forgotten");
        if (failed.Count > 0)
            output.WriteLine($"seeds: {string.Join(' ', failed.Select(result => result.Seed))}");
        return failed.Count == 0 ? 0 : 1;
    }

    private static void Run(int from, int many, EventualFaults faults, EventualCourse? course, ConflictPolicy? policy, bool keepsGoing, List<EventualRunResult> results) =>
        Parallel.For(from, from + many, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, (seed, loop) =>
        {
            if (loop.ShouldExitCurrentIteration)
                return;
            var result = EventualRun.One(seed, faults, course, policy, Trace.None);
            lock (results)
            {
                results.Add(result);
                if (result.Violations.Count > 0 && !keepsGoing)
                    loop.Stop();
            }
        });
}
