using GrainDb.Engine.Eventual;
using GrainDb.Interfaces.Eventual;
using GrainDb.Simulation.Core;
using GrainDb.Simulation.Eventual;

namespace GrainDb.Simulation.Tests;

/// <summary>Eventual keyspaces under crashes, cuts, lost disks, moves and wrong clocks; and the proof that the checkers notice every error, each with the check that is meant for it.</summary>
public sealed class EventualTests
{
    private const int Some = 300;
    private const int Few = 60;
    private const int Chunk = 10;
    private const int MaxSeeds = 1000;

    private const string Lost = "nobody who had seen it wrote, and it is not there";
    private const string Back = "and is back";
    private const string Dots = "has two dots";
    private const string Puts = "names two puts";
    private const string Sums = "no choice of the uncertain ones gives that";
    private const string Unremoved = "nobody who may have seen it removed it";
    private const string Returned = "was taken away by";
    private const string Unlisted = "is not listed";

    [Fact]
    public void No_seed_breaks_a_promise()
    {
        List<EventualRunResult> results = Run(1, Some, EventualFaults.None, course: null, policy: null);
        var violations = results.SelectMany(result => result.Violations.Select(violation => $"seed {result.Seed}: {violation}")).ToList();
        Assert.True(violations.Count == 0, string.Join('\n', violations.Take(5)));
        Assert.True(results.Sum(result => result.Succeeded) > Some * 50, $"only {results.Sum(result => result.Succeeded)} operations succeeded");
        Assert.True(results.Sum(result => result.Moves) > Some / 20, $"only {results.Sum(result => result.Moves)} moves");
        Assert.True(results.Sum(result => result.Forgotten) > Some / 3, $"only {results.Sum(result => result.Forgotten)} keys forgotten");
        Assert.True(results.Sum(result => result.LostDisks) > Some / 20, $"only {results.Sum(result => result.LostDisks)} disks lost");
    }

    [Theory]
    [InlineData(ConflictPolicy.ObservedRemoveSet)]
    [InlineData(ConflictPolicy.LastWriterWinsMap)]
    [InlineData(ConflictPolicy.Register)]
    public void No_seed_of_a_data_type_breaks_a_promise(ConflictPolicy policy)
    {
        var results = Run(1, Few, EventualFaults.None, EventualCourse.None, policy);
        var violations = results.SelectMany(result => result.Violations.Select(violation => $"seed {result.Seed}: {violation}")).ToList();
        Assert.True(violations.Count == 0, string.Join('\n', violations.Take(5)));
        Assert.True(results.Sum(result => result.Succeeded) > Few * 50, $"only {results.Sum(result => result.Succeeded)} operations succeeded");
    }

    [Theory]
    [InlineData(nameof(EventualFaults.RemoveUnseen), ConflictPolicy.ObservedRemoveSet, Unremoved)]
    [InlineData(nameof(EventualFaults.RemoveUnknown), ConflictPolicy.ObservedRemoveSet, Returned)]
    [InlineData(nameof(EventualFaults.ForgetRemoved), ConflictPolicy.LastWriterWinsMap, Returned)]
    [InlineData(nameof(EventualFaults.KeepLaterState), ConflictPolicy.LastWriterWinsMap, Unremoved)]
    [InlineData(nameof(EventualFaults.StampByClock), ConflictPolicy.Register, Unremoved)]
    [InlineData(nameof(EventualFaults.HideLosers), ConflictPolicy.Register, Unlisted)]
    public void An_error_of_a_data_type_is_noticed(string error, ConflictPolicy policy, string says) => IsNoticed(error, EventualCourse.None, policy, says);

    [Theory]
    [InlineData(nameof(EventualFaults.AckBeforeSync), nameof(EventualCourse.PowerLoss), Lost)]
    [InlineData(nameof(EventualFaults.CounterPerKey), nameof(EventualCourse.None), Puts)]
    [InlineData(nameof(EventualFaults.ForgetLostDisk), nameof(EventualCourse.LostWitness), Lost)]
    [InlineData(nameof(EventualFaults.DropHint), nameof(EventualCourse.LostCoordinator), Lost)]
    [InlineData(nameof(EventualFaults.MintTwice), nameof(EventualCourse.Crowd), Dots)]
    [InlineData(nameof(EventualFaults.CollectEarly), nameof(EventualCourse.Forgetting), Back)]
    [InlineData(nameof(EventualFaults.IgnoreEpoch), nameof(EventualCourse.Forgetting), Back)]
    [InlineData(nameof(EventualFaults.RepairOneWay), nameof(EventualCourse.Forgetting), Back)]
    [InlineData(nameof(EventualFaults.SingleSet), nameof(EventualCourse.CutOffMove), Lost)]
    [InlineData(nameof(EventualFaults.NoReadRepair), nameof(EventualCourse.Crowd), Lost)]
    [InlineData(nameof(EventualFaults.CountUnrepaired), nameof(EventualCourse.LostWitness), Lost)]
    [InlineData(nameof(EventualFaults.ReadOneLess), nameof(EventualCourse.Crowd), Lost)]
    [InlineData(nameof(EventualFaults.ForgetRequests), nameof(EventualCourse.None), Sums)]
    public void An_error_is_noticed(string error, string course, string says) => IsNoticed(error, Enum.Parse<EventualCourse>(course), policy: null, says);

    [Fact]
    public void Every_error_has_a_course()
    {
        string[] tests = [nameof(An_error_is_noticed), nameof(An_error_of_a_data_type_is_noticed)];
        var named = tests.SelectMany(test => typeof(EventualTests).GetMethod(test)!.GetCustomAttributes(typeof(InlineDataAttribute), inherit: false))
            .Select(data => (string)((InlineDataAttribute)data).Data[0]!);
        Assert.Equal(Enum.GetNames<EventualFaults>().Where(name => name != nameof(EventualFaults.None)).Order(), named.Order());
    }

    [Fact]
    public void A_seed_says_everything()
    {
        Assert.Equal(TraceOf(3), TraceOf(3));
        Assert.NotEqual(TraceOf(3), TraceOf(4));
    }

    private static void IsNoticed(string error, EventualCourse course, ConflictPolicy? policy, string says)
    {
        for (var from = 1; from <= MaxSeeds; from += Chunk)
        {
            // A broken machine may break more than the promise that is looked for.
            if (Run(from, Chunk, Enum.Parse<EventualFaults>(error), course, policy).Find(result => result.Violations.Any(violation => violation.Contains(says, StringComparison.Ordinal))) is { } noticed)
            {
                TestContext.Current.SendDiagnosticMessage($"{error}: noticed by seed {noticed.Seed}: {noticed.Violations[0]}");
                return;
            }
        }

        Assert.Fail($"{MaxSeeds} seeds, and nobody noticed {error}");
    }

    private static List<EventualRunResult> Run(int from, int many, EventualFaults faults, EventualCourse? course, ConflictPolicy? policy) =>
        [.. Enumerable.Range(from, many).AsParallel().Select(seed => EventualRun.One(seed, faults, course, policy, Trace.None)).OrderBy(result => result.Seed)];

    private static string TraceOf(int seed)
    {
        using var lines = new StringWriter();
        EventualRun.One(seed, EventualFaults.None, course: null, policy: null, new Trace(lines));
        return lines.ToString();
    }
}
