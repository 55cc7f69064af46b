using GrainDb.Faults.Recording;
using Xunit;

namespace GrainDb.Faults.Checking;

/// <summary>The checker of the fault tests, held against histories that are known to be right or wrong.</summary>
public sealed class VersionOrderTests
{
    private static readonly string[] Versions = ["01", "02", "03"];

    /// <summary>The key has versions 01 = a, 02 = b, 03 = c.</summary>
    private static IReadOnlyList<string> Check(params Operation[] operations) => CheckAgainst("abc", operations);

    private static IReadOnlyList<string> CheckAgainst(string values, params Operation[] operations) =>
        VersionOrder.Check(new KeyVersions("k", [.. values.Select((value, index) => new KeyVersion($"0{index + 1}", false, value.ToString()))]), operations);

    private static Operation Put(int from, int to, string value, string? version, OperationOutcome outcome = OperationOutcome.Applied) =>
        Make(OperationKind.Put, from, to, outcome) with { Written = value, Version = version };

    private static Operation Read(int from, int to, string? version, string? value) =>
        Make(OperationKind.Read, from, to, OperationOutcome.Applied) with { Version = version, Found = value };

    private static Operation Swap(int from, int to, string condition, string value, string? version, OperationOutcome outcome = OperationOutcome.Applied) =>
        Make(OperationKind.CompareAndSet, from, to, outcome) with { Condition = condition, Written = value, Version = version };

    private static Operation Create(int from, int to, string value, string? version, OperationOutcome outcome = OperationOutcome.Applied) =>
        Make(OperationKind.Create, from, to, outcome) with { Written = value, Version = version };

    private static Operation Make(OperationKind kind, int from, int to, OperationOutcome outcome) => new()
    {
        Client = 1,
        Key = "k",
        Kind = kind,
        Invoked = TimeSpan.FromMilliseconds(from),
        Returned = TimeSpan.FromMilliseconds(to),
        Outcome = outcome,
        Node = "node1",
        Answer = "200",
    };

    private static readonly Operation[] Writers = [Put(0, 10, "a", "01"), Put(20, 30, "b", "02"), Put(40, 50, "c", "03")];

    [Fact]
    public void One_after_the_other_is_right() =>
        Assert.Empty(Check([.. Writers, Read(-5, -1, null, null), Read(11, 19, "01", "a"), Read(31, 39, "02", "b"), Read(51, 60, "03", "c")]));

    [Fact]
    public void At_the_same_time_any_order_is_right() =>
        Assert.Empty(Check(Put(0, 100, "c", "03"), Put(0, 100, "a", "01"), Put(0, 100, "b", "02"), Read(0, 100, null, null), Read(0, 100, "03", "c"), Read(0, 50, "02", "b")));

    [Fact]
    public void An_acknowledged_write_that_is_gone() => Assert.Contains("acknowledged, and lost", Assert.Single(Check([.. Writers, Put(60, 70, "d", "04")])), StringComparison.Ordinal);

    [Fact]
    public void A_write_that_was_denied_and_happened() =>
        Assert.Contains("said not to be applied", Assert.Single(Check([.. Writers[..2], Put(40, 50, "c", null, OperationOutcome.NotApplied)])), StringComparison.Ordinal);

    [Fact]
    public void A_write_of_unknown_outcome_may_be_there_much_later_or_never()
    {
        Assert.Empty(Check(Put(20, 30, "a", "01"), Put(40, 50, "b", "02"), Put(0, 10, "c", null, OperationOutcome.Unknown)));
        Assert.Empty(CheckAgainst("ab", [.. Writers[..2], Put(0, 10, "x", null, OperationOutcome.Unknown)]));
    }

    [Fact]
    public void But_not_before_it_was_begun() =>
        Assert.Contains("not linearizable", Assert.Single(Check(Put(20, 30, "a", "01"), Put(40, 50, "b", null, OperationOutcome.Unknown), Put(31, 39, "c", "03"))), StringComparison.Ordinal);

    [Fact]
    public void A_stale_read() => Assert.Contains("not linearizable", Assert.Single(Check([.. Writers, Read(31, 39, "01", "a")])), StringComparison.Ordinal);

    [Fact]
    public void A_read_of_absence_after_a_write() => Assert.Contains("not linearizable", Assert.Single(Check([.. Writers, Read(11, 15, null, null)])), StringComparison.Ordinal);

    [Fact]
    public void A_read_of_what_is_not_written_yet() => Assert.Contains("not linearizable", Assert.Single(Check([.. Writers, Read(31, 39, "03", "c")])), StringComparison.Ordinal);

    [Fact]
    public void Two_reads_that_go_back()
    {
        var open = new[] { Put(0, 10, "a", "01"), Put(11, 100, "b", "02"), Put(40, 100, "c", "03") };
        Assert.Empty(Check([.. open, Read(12, 20, "01", "a"), Read(21, 30, "02", "b")]));
        Assert.Contains("not linearizable", Assert.Single(Check([.. open, Read(12, 20, "02", "b"), Read(21, 30, "01", "a")])), StringComparison.Ordinal);
    }

    [Fact]
    public void Writes_in_another_order_than_their_versions() =>
        Assert.Contains("not linearizable", Assert.Single(Check(Put(0, 10, "b", "02"), Put(20, 30, "a", "01"), Put(40, 50, "c", "03"))), StringComparison.Ordinal);

    [Fact]
    public void A_version_or_a_value_that_nobody_knows()
    {
        Assert.Contains("not in the history", Assert.Single(Check([.. Writers, Read(60, 70, "04", "d")])), StringComparison.Ordinal);
        Assert.Contains("another value", Assert.Single(Check([.. Writers, Read(60, 70, "03", "b")])), StringComparison.Ordinal);
        Assert.Contains("another version", Assert.Single(Check([.. Writers[..2], Put(40, 50, "c", "04")])), StringComparison.Ordinal);
        Assert.Contains("written by nobody", Assert.Single(Check(Writers[..2])), StringComparison.Ordinal);
    }

    [Fact]
    public void A_write_that_is_there_twice() =>
        Assert.Contains("more than once", Assert.Single(CheckAgainst("aba", Writers[..2])), StringComparison.Ordinal);

    [Fact]
    public void A_swap_replaces_the_version_that_it_names()
    {
        Assert.Empty(Check([.. Writers[..2], Swap(40, 50, "02", "c", "03")]));
        Assert.Contains("not the newest", Assert.Single(Check([.. Writers[..2], Swap(40, 50, "01", "c", "03")])), StringComparison.Ordinal);
        Assert.Contains("not the newest", Assert.Single(Check([.. Writers[..2], Swap(40, 50, "01", "c", null, OperationOutcome.Unknown)])), StringComparison.Ordinal);
    }

    [Fact]
    public void A_refusal_is_a_read()
    {
        Assert.Empty(Check([.. Writers, Swap(31, 39, "01", "x", "02", OperationOutcome.ConditionFailed), Create(11, 19, "y", "01", OperationOutcome.ConditionFailed)]));
        Assert.Contains("not linearizable", Assert.Single(Check([.. Writers, Swap(51, 55, "01", "x", "02", OperationOutcome.ConditionFailed)])), StringComparison.Ordinal);
        Assert.Contains("condition held", Assert.Single(Check([.. Writers, Swap(31, 39, "02", "x", "02", OperationOutcome.ConditionFailed)])), StringComparison.Ordinal);
        Assert.Contains("condition held", Assert.Single(Check([.. Writers, Create(-9, -5, "x", null, OperationOutcome.ConditionFailed)])), StringComparison.Ordinal);
        Assert.Contains("and applied", Assert.Single(Check([.. Writers[..2], Swap(40, 50, "01", "c", "02", OperationOutcome.ConditionFailed)])), StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_is_created_once()
    {
        Assert.Empty(Check([Create(0, 10, "a", "01"), .. Writers[1..]]));
        Assert.Contains("was there", Assert.Single(Check([.. Writers[..2], Create(40, 50, "c", "03")])), StringComparison.Ordinal);
    }

    [Fact]
    public void Versions_must_ascend() =>
        Assert.Throws<ArgumentException>(() => new KeyVersions("k", [.. Versions.Reverse().Select(version => new KeyVersion(version, false, version))]));
}
