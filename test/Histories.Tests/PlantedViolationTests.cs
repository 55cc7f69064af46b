using GrainDb.Histories.Linearizability;
using GrainDb.Interfaces.Keys;
using Xunit;

namespace GrainDb.Histories.Tests;

public sealed class PlantedViolationTests
{
    private readonly List<Operation> _operations = [];

    [Fact]
    public void A_lost_acknowledged_write_is_found()
    {
        Put("a", version: 1, 0, 1);
        Put("b", version: 2, 2, 3);
        Found("durability", Holds((1, "a")));
    }

    [Fact]
    public void A_refused_write_that_is_there_is_found()
    {
        _operations.Add(New(OperationKind.Put, 0, 1) with { Value = "a", Outcome = OperationOutcome.NotApplied });
        Found("honest outcomes", Holds((1, "a")));
    }

    [Fact]
    public void A_refused_write_that_was_read_is_found()
    {
        _operations.Add(New(OperationKind.Put, 0, 1) with { Value = "a", Outcome = OperationOutcome.NotApplied });
        Read("a", version: 1, 2, 3);
        Assert.Equal("honest outcomes", LinearizabilityChecker.CheckKey(_operations)?.Promise);
    }

    [Fact]
    public void A_write_that_happened_twice_is_found()
    {
        Put("a", version: 1, 0, 1);
        Found("origin", Holds((1, "a"), (2, "a")));
    }

    [Fact]
    public void A_tombstone_that_nobody_asked_for_is_found() => Found("honest outcomes", Holds((1, null)), New(OperationKind.Delete, 0, 1) with { Outcome = OperationOutcome.NotApplied });

    [Fact]
    public void A_commit_below_a_snapshot_that_was_served_is_found()
    {
        Put("a", version: 10, 0, 1);
        _operations.Add(New(OperationKind.Read, 2, 3) with { Outcome = OperationOutcome.Ok, IsStaleRead = true, ReadAt = new(20), Seen = new("a", new(10)) });
        Put("b", version: 15, 4, 5);
        Found("snapshots", Holds((10, "a"), (15, "b")));
    }

    [Fact]
    public void A_stale_read_is_explained_with_the_operations_that_show_it()
    {
        Put("a", version: 1, 0, 1);
        Put("b", version: 2, 2, 3);
        Read("a", version: 1, 4, 5);
        var violation = LinearizabilityChecker.CheckKey(_operations);
        Assert.Equal("linearizability", violation?.Promise);
        Assert.Contains("read k → a at 0000000000000001", violation!.Explanation, StringComparison.Ordinal);
    }

    [Fact]
    public void A_mismatch_that_was_answered_from_an_old_state_is_found()
    {
        Put("a", version: 1, 0, 1);
        Put("b", version: 2, 2, 3);
        _operations.Add(New(OperationKind.Put, 4, 5) with
        {
            Value = "c",
            Condition = new(ConditionKind.VersionEquals, new(2)),
            Outcome = OperationOutcome.Mismatch,
            Seen = new(null, new(1)),
        });
        Assert.Equal("linearizability", LinearizabilityChecker.CheckKey(_operations)?.Promise);
    }

    [Fact]
    public void Versions_against_real_time_are_found()
    {
        Put("a", version: 2, 0, 1);
        Put("b", version: 1, 2, 3);
        Assert.Equal("linearizability", LinearizabilityChecker.CheckKey(_operations)?.Promise);
    }

    [Fact]
    public void An_unknown_write_may_happen_late_but_not_come_and_go()
    {
        _operations.Add(New(OperationKind.Put, 0, long.MaxValue) with { Value = "late" });
        Put("a", version: 1, 1, 2);
        Read("a", version: 1, 3, 4);
        Read("late", version: 5, 5, 6);
        Assert.Null(LinearizabilityChecker.CheckKey(_operations));
        Read("a", version: 1, 7, 8);
        Assert.Equal("linearizability", LinearizabilityChecker.CheckKey(_operations)?.Promise);
    }

    private void Put(string value, ulong version, long invoked, long returned) =>
        _operations.Add(New(OperationKind.Put, invoked, returned) with { Value = value, Outcome = OperationOutcome.Ok, Version = new(version) });

    private void Read(string value, ulong version, long invoked, long returned) =>
        _operations.Add(New(OperationKind.Read, invoked, returned) with { Outcome = OperationOutcome.Ok, Seen = new(value, new(version)) });

    private Operation New(OperationKind kind, long invoked, long returned) =>
        new() { Number = _operations.Count, Client = "c", Key = "k", Kind = kind, Invoked = invoked, Returned = returned };

    private static Dictionary<string, IReadOnlyList<KeyVersion>> Holds(params (ulong Version, string? Value)[] versions) =>
        new() { ["k"] = [.. versions.Select(version => new KeyVersion(new(version.Version), version.Value))] };

    private void Found(string promise, Dictionary<string, IReadOnlyList<KeyVersion>> held, params Operation[] more) =>
        Assert.Contains(VersionsChecker.Check([.. _operations, .. more], held), violation => violation.Promise == promise);
}
