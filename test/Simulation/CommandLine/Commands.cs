using System.Diagnostics;
using System.Globalization;
using GrainDb.Engine.Eventual;
using GrainDb.Interfaces.Eventual;
using GrainDb.Simulation.Cluster;
using GrainDb.Simulation.Eventual;
using Trace = GrainDb.Simulation.Core.Trace;

namespace GrainDb.Simulation.CommandLine;

/// <summary>Many seeds, or one with its trace.</summary>
internal static class Commands
{
    private const string Usage = """
        usage: GrainDb.Simulation --seeds N [--from S] [--variant X] [--script X] [--transactions | --no-transactions] [--keep-going]
               GrainDb.Simulation --seed S [--variant X] [--script X] [--transactions | --no-transactions] [--trace]
               GrainDb.Simulation --eventual (--seeds N [--from S] [--keep-going] | --seed S [--trace]) [--variant X] [--course X] [--policy X]

          --seeds N     runs N seeds on all cores; stops at the first that breaks a promise
          --from S      the first of them (1)
          --keep-going  runs them all
          --seed S      runs one seed
          --trace       and says everything that happens
          --script X    only that course of events, see Script (None: only chance)
          --variant X   puts a deliberate error into the machines, see ReplicationFaults, TransactionFaults and CoordinatorFaults
          --eventual    of eventual keyspaces; variants: see EventualFaults, courses: see EventualCourse, policies: see ConflictPolicy
          --transactions     every run has clients that work in transactions; --no-transactions: none has
        """;

    /// <returns>Exit code: 0 when no promise was broken, 1 when one was, 2 when the arguments are wrong.</returns>
    public static int Execute(string[] arguments, TextWriter output, TextWriter errors)
    {
        int? seed = null;
        int? seeds = null;
        EventualCourse? course = null;
        ConflictPolicy? policy = null;
        var from = 1;
        var options = RunOptions.Any;
        var (isTracing, keepsGoing, isEventual, variant) = (false, false, false, "None");
        for (var i = 0; i < arguments.Length; i++)
        {
            var next = i + 1 < arguments.Length ? arguments[i + 1] : "";
            var isRight = arguments[i] switch
            {
                "--seed" => TryNumber(next, number => seed = number, ref i),
                "--seeds" => TryNumber(next, number => seeds = number, ref i),
                "--from" => TryNumber(next, number => from = number, ref i),
                "--variant" => next.Length > 0 && TakeVariant(next) && i++ >= 0,
                "--eventual" => isEventual = true,
                "--course" => Enum.TryParse<EventualCourse>(next, out var named) && (course = named) is not null && i++ >= 0,
                "--policy" => Enum.TryParse<ConflictPolicy>(next, out var decided) && (policy = decided) is not null && i++ >= 0,
                "--script" => Enum.TryParse<Script>(next, out var script) && Take(options with { Script = script }) && i++ >= 0,
                "--transactions" => Take(options with { Transactions = true }),
                "--no-transactions" => Take(options with { Transactions = false }),
                "--trace" => isTracing = true,
                "--keep-going" => keepsGoing = true,
                _ => false,
            };
            if (!isRight)
                return Wrong(errors);
        }

        if (isEventual)
        {
            return !Enum.TryParse<EventualFaults>(variant, out var error) || (seed is null) == (seeds is null) || options != RunOptions.Any
                ? Wrong(errors)
                : EventualCommands.Execute(seed ?? from, seeds, error, course, policy, isTracing, keepsGoing, output);
        }

        if (!Faults.TryParse(variant, out var faults) || course is not null || policy is not null)
            return Wrong(errors);
        options = options with { Faults = faults };
        return (seed, seeds) switch
        {
            ({ } one, null) => One(one, options, isTracing, output),
            (null, { } many) when !isTracing => Many(from, many, options, keepsGoing, output),
            _ => Wrong(errors),
        };

        bool TakeVariant(string name)
        {
            variant = name;
            return true;
        }

        bool Take(RunOptions changed)
        {
            options = changed;
            return true;
        }
    }

    private static bool TryNumber(string text, Action<int> use, ref int position)
    {
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            return false;
        use(number);
        position++;
        return true;
    }

    private static int Wrong(TextWriter errors)
    {
        errors.WriteLine(Usage);
        return 2;
    }

    private static int One(int seed, RunOptions options, bool isTracing, TextWriter output)
    {
        var result = Run.One(seed, options, isTracing ? new Trace(output) : Trace.None);
        output.WriteLine($"seed {seed}: {result.Operations} operations, {result.Succeeded} succeeded, {result.Transactions} transactions, {result.Committed} committed, {result.Epochs} leaders, {result.Events} events");
        foreach (var violation in result.Violations)
            output.WriteLine($"VIOLATION seed {seed}: {violation}");
        return result.Violations.Count == 0 ? 0 : 1;
    }

    private static int Many(int from, int many, RunOptions options, bool keepsGoing, TextWriter output)
    {
        var watch = Stopwatch.StartNew();
        var summary = Seeds.Run(from, many, options, keepsGoing, result =>
        {
            foreach (var violation in result.Violations)
                output.WriteLine($"VIOLATION seed {result.Seed}: {violation}");
        });
        output.WriteLine($"{summary.Runs} seeds in {watch.Elapsed.TotalSeconds:F0} s: {summary.Failed.Count} broke a promise; {summary.Operations} operations, {summary.Succeeded} succeeded, {summary.Transactions} transactions, {summary.Committed} committed, {summary.Epochs} leaders, {summary.Events} events");
        if (summary.Failed.Count > 0)
            output.WriteLine($"seeds: {string.Join(' ', summary.Failed.Order())}");
        return summary.Failed.Count == 0 ? 0 : 1;
    }
}
