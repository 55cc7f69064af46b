using CsCheck;
using GrainDb.Histories.Linearizability;
using GrainDb.Interfaces.Keys;
using Xunit;

namespace GrainDb.Histories.Tests;

public sealed class LinearizabilityProperties
{
    private static readonly Gen<int> Seeds = Gen.Int[0, int.MaxValue - 1];

    [Fact]
    public void A_history_of_an_atomic_register_is_accepted() => Seeds.Sample(
        seed =>
        {
            var register = new AtomicRegister(seed, clients: 1 + (seed % 8), operations: 200, unknown: 0.1);
            var operations = register.Run();
            Assert.Null(LinearizabilityChecker.CheckKey(operations));
            Assert.Empty(VersionsChecker.Check(operations, new Dictionary<string, IReadOnlyList<KeyVersion>> { ["k"] = register.Versions }));
        },
        iter: 300);

    [Fact]
    public void The_search_says_what_trying_every_order_says() => Seeds.Sample(
        seed =>
        {
            var operations = Disturb(new AtomicRegister(seed, clients: 1 + (seed % 3), operations: 6, unknown: 0.25).Run(), new Random(seed));
            var expected = ExhaustiveSearch.IsLinearizable(operations);
            Assert.True(expected == LinearizabilityChecker.CheckKey(operations) is null, $"{(expected ? "" : "not ")}linearizable:\n{string.Join('\n', operations)}");
        },
        iter: 10_000);

    [Fact]
    public void A_read_that_misses_a_write_that_had_returned_is_refused() => Seeds.Sample(
        seed =>
        {
            var operations = new AtomicRegister(seed, clients: 4, operations: 300, unknown: 0.05).Run();
            var random = new Random(seed);
            var stale = operations
                .Where(operation => operation is { Kind: OperationKind.Read, Outcome: OperationOutcome.Ok })
                .Select(read => (Read: read, Old: operations.Where(write => IsOverwrittenBefore(write, read, operations)).ToList()))
                .Where(pair => pair.Old.Count > 0)
                .ToList();
            Assert.NotEmpty(stale);
            var (read, old) = stale[random.Next(stale.Count)];
            var source = old[random.Next(old.Count)];
            operations[read.Number] = read with { Seen = new(source.Value, source.Version) };
            var violation = LinearizabilityChecker.CheckKey(operations);
            Assert.NotNull(violation);
            Assert.Contains("linearizability", violation.Promise, StringComparison.Ordinal);
        },
        iter: 200);

    [Fact]
    public void A_lost_update_is_refused() => Seeds.Sample(
        seed =>
        {
            var operations = new AtomicRegister(seed, clients: 4, operations: 300, unknown: 0).Run();
            var swaps = operations.Where(operation => operation is { Outcome: OperationOutcome.Ok, Condition.Kind: ConditionKind.VersionEquals, Kind: OperationKind.Put }).ToList();
            Assert.NotEmpty(swaps);
            var first = swaps[new Random(seed).Next(swaps.Count)];

            // A second swap from the same version, later: both cannot have found it.
            var end = operations.Where(operation => operation.Returned != long.MaxValue).Max(operation => operation.Returned);
            operations.Add(first with { Number = operations.Count, Client = "other", Value = "other", Version = new Timestamp(ulong.MaxValue - 1), Invoked = end + 1, Returned = end + 2 });
            Assert.NotNull(LinearizabilityChecker.CheckKey(operations));
        },
        iter: 100);

    [Fact]
    public void Thousands_of_operations_on_one_key_with_many_of_unknown_outcome_are_judged()
    {
        var operations = new AtomicRegister(seed: 7, clients: 16, operations: 10_000, unknown: 0.2).Run();
        Assert.Null(LinearizabilityChecker.CheckKey(operations));
    }

    /// <summary>Whether another write, of which the client was told, replaced it and had returned before the read began.</summary>
    private static bool IsOverwrittenBefore(Operation write, Operation read, List<Operation> operations) =>
        write is { Kind: OperationKind.Put, Outcome: OperationOutcome.Ok }
        && operations.Exists(other => other is { Kind: OperationKind.Put, Outcome: OperationOutcome.Ok } && other.Version > write.Version && other.Returned < read.Invoked);

    /// <summary>Changes an answer here and there, so that the history may be wrong.</summary>
    private static List<Operation> Disturb(List<Operation> operations, Random random)
    {
        var versions = operations.Where(operation => !operation.Version.IsZero).Select(operation => operation.Version).Append(new Timestamp(50)).ToList();
        for (var changes = random.Next(3); changes > 0; changes--)
        {
            var i = random.Next(operations.Count);
            var operation = operations[i];
            var other = operations[random.Next(operations.Count)];
            operations[i] = (operation.Kind, operation.Outcome) switch
            {
                (OperationKind.Read, OperationOutcome.Ok) when other is { Kind: OperationKind.Put } =>
                    operation with { Seen = new(other.Value, other.Version.IsZero ? versions[random.Next(versions.Count)] : other.Version) },
                (OperationKind.Read, OperationOutcome.Ok) => operation with { Seen = SeenState.Absent },
                (_, OperationOutcome.Ok) when random.Next(2) == 0 => operation with { Outcome = OperationOutcome.NotApplied, Version = default, Existed = null },
                (_, OperationOutcome.Ok) => operation with { Outcome = OperationOutcome.Unknown, Version = default, Existed = null, Returned = long.MaxValue },
                (_, OperationOutcome.Mismatch) => operation with { Seen = new(null, versions[random.Next(versions.Count)]) },
                _ => operation,
            };
        }

        return operations;
    }
}
