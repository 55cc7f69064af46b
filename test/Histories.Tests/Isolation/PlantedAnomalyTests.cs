using GrainDb.Histories.Isolation;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;
using Xunit;
using static GrainDb.Histories.Isolation.TransactionStep;

namespace GrainDb.Histories.Tests.Isolation;

/// <summary>For every anomaly a history that has it, and its name.</summary>
public sealed class PlantedAnomalyTests
{
    private readonly List<ClientTransaction> _transactions = [];

    [Fact]
    public void Garbage()
    {
        Ok(ReadList("x", [1]));
        Finds("garbage read");
    }

    [Fact]
    public void An_element_that_is_there_twice()
    {
        Ok(Append("x", 1));
        Ok(ReadList("x", [1, 1]));
        Finds("duplicate element");
    }

    [Fact]
    public void Two_orders_of_one_key()
    {
        Ok(Append("x", 1));
        Ok(Append("x", 2));
        Ok(ReadList("x", [1, 2]));
        Ok(ReadList("x", [2]));
        Finds("incompatible order");
    }

    [Fact]
    public void A_transaction_that_does_not_see_its_own_append()
    {
        Ok(Append("x", 1), ReadList("x", []));
        Finds("internal");
    }

    [Fact]
    public void A_transaction_that_reads_a_key_in_two_states()
    {
        Ok(Append("x", 1));
        Ok(ReadList("x", []), ReadList("x", [1]));
        Finds("internal");
    }

    [Fact]
    public void A_transaction_that_reads_what_it_will_write()
    {
        Ok(ReadList("x", [1]), Append("x", 1));
        Finds("internal");
    }

    [Fact]
    public void G1a_a_read_of_an_aborted_transaction()
    {
        Aborted(Append("x", 1));
        Ok(ReadList("x", [1]));
        Finds("G1a");
    }

    [Fact]
    public void A_dirty_update()
    {
        Aborted(Append("x", 1));
        Ok(Append("x", 2));
        Ok(ReadList("x", [1, 2]));
        Finds("dirty update", "G1a");
    }

    [Fact]
    public void G1b_a_read_of_an_intermediate_state()
    {
        Ok(Append("x", 1), Append("x", 2));
        Ok(ReadList("x", [1]));
        Finds("G1b", "G-single");
    }

    [Fact]
    public void G0_writes_that_overwrite_each_other()
    {
        Ok(Append("x", 1), Append("y", 1));
        Ok(Append("x", 2), Append("y", 2));
        Ok(ReadList("x", [1, 2]));
        Ok(ReadList("y", [2, 1]));
        Finds("G0");
    }

    [Fact]
    public void G1c_information_that_flows_in_a_circle()
    {
        Ok(Append("x", 1), ReadList("y", [2]));
        Ok(Append("y", 2), ReadList("x", [1]));
        Finds("G1c");
    }

    [Fact]
    public void G_single_half_of_a_transaction()
    {
        Ok(Append("x", 1), Append("y", 1));
        Ok(ReadList("x", [1]), ReadList("y", []));
        Finds("G-single");
    }

    [Fact]
    public void Half_of_a_transaction_of_unknown_outcome()
    {
        Add(OperationOutcome.Unknown, IsolationLevel.Snapshot, Append("x", 1), Append("y", 1));
        Ok(ReadList("x", [1]), ReadList("y", []));
        Finds("G-single");
    }

    [Fact]
    public void Half_of_a_transaction_that_an_aborted_one_read()
    {
        Ok(Append("x", 1), Append("y", 1));
        Aborted(ReadList("x", [1]), ReadList("y", []), Append("z", 1));
        Finds("G-single");
    }

    [Fact]
    public void A_lost_update()
    {
        Ok(Append("x", 1));
        Ok(ReadList("x", [1]), Append("x", 2));
        Ok(ReadList("x", [1]), Append("x", 3));
        Ok(ReadList("x", [1, 2, 3]));
        Finds("lost update");
    }

    [Fact]
    public void A_lost_update_that_nobody_ever_saw()
    {
        Ok(ReadList("x", []), Append("x", 2));
        Ok(ReadList("x", []), Append("x", 3));
        Ok(ReadList("x", [3]));
        Finds("lost update");
    }

    [Fact]
    public void A_long_fork()
    {
        Ok(Append("x", 1));
        Ok(Append("y", 1));
        Ok(ReadList("x", [1]), ReadList("y", []));
        Ok(ReadList("x", []), ReadList("y", [1]));
        Finds("long fork");
    }

    [Fact]
    public void A_cycle_without_adjacent_antidependencies()
    {
        Ok(Append("x", 1), Append("u", 1));
        Ok(Append("y", 1), Append("v", 1));
        Ok(ReadList("u", [1]), ReadList("y", []), Append("a", 1));
        Ok(ReadList("x", []), ReadList("v", [1]), Append("b", 1));
        Finds("G-nonadjacent");
    }

    [Fact]
    public void Write_skew_is_found_among_serializable_transactions_and_allowed_among_others()
    {
        Ok(ReadList("x", []), Append("y", 1));
        Ok(ReadList("y", []), Append("x", 1));
        Assert.Empty(AppendChecker.Check(_transactions, IsolationLevel.Snapshot, isRealTime: true));
        Assert.Equal(["G2-item"], Names(IsolationLevel.Serializable));
    }

    [Fact]
    public void Write_skew_is_allowed_where_one_of_the_two_is_not_serializable()
    {
        Add(OperationOutcome.Ok, IsolationLevel.Serializable, ReadList("x", []), Append("y", 1));
        Add(OperationOutcome.Ok, IsolationLevel.Snapshot, ReadList("y", []), Append("x", 1));
        Assert.Empty(AppendChecker.Check(_transactions, isRealTime: false));
    }

    [Fact]
    public void Write_skew_through_a_scan()
    {
        Ok(ReadList("x", [], isScan: true), Append("y", 1));
        Ok(ReadList("y", [], isScan: true), Append("x", 1));
        Assert.Empty(AppendChecker.Check(_transactions, IsolationLevel.Snapshot, isRealTime: true));
        Assert.Equal(["G2"], Names(IsolationLevel.Serializable));
    }

    [Fact]
    public void A_read_that_is_late_in_real_time()
    {
        Ok(Append("x", 1));
        _transactions[0] = _transactions[0] with { Invoked = 0, Returned = 1 };
        Ok(ReadList("x", []));
        _transactions[1] = _transactions[1] with { Invoked = 2, Returned = 3 };
        Assert.Empty(AppendChecker.Check(_transactions, isRealTime: false));
        Assert.Equal(["G-single-realtime"], AppendChecker.Check(_transactions, isRealTime: true).Select(anomaly => anomaly.Name));
        _transactions[1] = _transactions[1] with { IsStaleRead = true };
        Assert.Empty(AppendChecker.Check(_transactions, isRealTime: true));
    }

    [Fact]
    public void A_read_of_what_has_not_begun_yet()
    {
        Ok(ReadList("x", [1]));
        _transactions[0] = _transactions[0] with { Invoked = 0, Returned = 1 };
        Ok(Append("x", 1));
        _transactions[1] = _transactions[1] with { Invoked = 2, Returned = 3 };
        Assert.Equal(["G1c-realtime"], AppendChecker.Check(_transactions, isRealTime: true).Select(anomaly => anomaly.Name));
    }

    [Fact]
    public void An_anomaly_is_told_with_its_transactions_and_their_dependencies()
    {
        Ok(Append("x", 1), Append("y", 1));
        Ok(ReadList("x", [1]), ReadList("y", []));
        var anomaly = Assert.Single(AppendChecker.Check(_transactions, isRealTime: false));
        Assert.Contains("#1 before #0: it read y as it was before #0 (rw)", anomaly.Explanation, StringComparison.Ordinal);
        Assert.Contains("#0 before #1: #1 read its x (wr)", anomaly.Explanation, StringComparison.Ordinal);
        Assert.Contains("#0 c snapshot { append x 1; append y 1 } committed", anomaly.Explanation, StringComparison.Ordinal);
    }

    [Fact]
    public void Registers_show_a_lost_update_and_write_skew()
    {
        Add(OperationOutcome.Ok, IsolationLevel.Snapshot, ReadValue("x", null, default), Write("x", 1));
        Add(OperationOutcome.Ok, IsolationLevel.Snapshot, ReadValue("x", null, default), Write("x", 2));
        At(0, 10);
        At(1, 20);
        Assert.Equal(["lost update"], RegisterChecker.Check(_transactions, isRealTime: false).Select(anomaly => anomaly.Name));
        _transactions.Clear();
        Add(OperationOutcome.Ok, IsolationLevel.Serializable, ReadValue("x", null, default), Write("y", 1));
        Add(OperationOutcome.Ok, IsolationLevel.Serializable, ReadValue("y", null, default), Write("x", 2));
        At(0, 10);
        At(1, 20);
        Assert.Equal(["G2-item"], RegisterChecker.Check(_transactions, isRealTime: false).Select(anomaly => anomaly.Name));
        Assert.Empty(RegisterChecker.Check(_transactions, IsolationLevel.Snapshot, isRealTime: false));
    }

    [Fact]
    public void Registers_show_half_of_a_transaction_and_wrong_versions()
    {
        Add(OperationOutcome.Unknown, IsolationLevel.Snapshot, Write("x", 1), Write("y", 1));
        Add(OperationOutcome.Ok, IsolationLevel.Snapshot, ReadValue("x", 1, new(10)), ReadValue("y", null, default));
        Assert.Equal(["G-single"], RegisterChecker.Check(_transactions, isRealTime: false).Select(anomaly => anomaly.Name));
        Add(OperationOutcome.Ok, IsolationLevel.Snapshot, ReadValue("x", 1, new(11)));
        Assert.Contains(RegisterChecker.Check(_transactions, isRealTime: false), anomaly => anomaly.Kind == AnomalyKind.IncompatibleOrder);
    }

    [Fact]
    public void Registers_show_what_was_aborted_replaced_or_never_written()
    {
        Aborted(Write("x", 1));
        Ok(Write("y", 1), Write("y", 2));
        Ok(ReadValue("x", 1, new(1)));
        Ok(ReadValue("y", 1, new(2)));
        Ok(ReadValue("z", 1, new(2)));
        Ok(Write("z", 3), ReadValue("z", 2, new(9)));
        var names = RegisterChecker.Check(_transactions, isRealTime: false).Select(anomaly => anomaly.Name).ToList();
        Assert.Contains("G1a", names);
        Assert.Contains("G1b", names);
        Assert.Contains("garbage read", names);
        Assert.Contains("internal", names);
    }

    [Fact]
    public void A_bank_that_makes_or_loses_money()
    {
        Assert.Empty(AccountsChecker.Check([new(new Dictionary<string, long> { ["a"] = 3, ["b"] = 7 }, default, "")], ["a", "b"], total: 10));
        Assert.Single(AccountsChecker.Check([new(new Dictionary<string, long> { ["a"] = 4, ["b"] = 7 }, default, "")], ["a", "b"], total: 10));
        Assert.Single(AccountsChecker.Check([new(new Dictionary<string, long> { ["a"] = -1, ["b"] = 11 }, default, "")], ["a", "b"], total: 10));
        Assert.Single(AccountsChecker.Check([new(new Dictionary<string, long> { ["a"] = 10 }, default, "")], ["a", "b"], total: 10));
    }

    [Fact]
    public void A_ring_that_is_two_or_has_an_end()
    {
        Assert.Empty(RingChecker.Check([new(new Dictionary<int, int> { [0] = 2, [2] = 1, [1] = 0 }, default, "")], nodes: 3));
        Assert.Single(RingChecker.Check([new(new Dictionary<int, int> { [0] = 1, [1] = 0, [2] = 2 }, default, "")], nodes: 3));
        Assert.Single(RingChecker.Check([new(new Dictionary<int, int> { [0] = 1, [1] = 2 }, default, "")], nodes: 3));
        Assert.Single(RingChecker.Check([new(new Dictionary<int, int> { [0] = 1, [1] = 2, [2] = 1 }, default, "")], nodes: 3));
    }

    private void Ok(params TransactionStep[] steps) => Add(OperationOutcome.Ok, IsolationLevel.Snapshot, steps);

    private void Aborted(params TransactionStep[] steps) => Add(OperationOutcome.NotApplied, IsolationLevel.Snapshot, steps);

    /// <summary>All of them at once, so that real time says nothing.</summary>
    private void Add(OperationOutcome outcome, IsolationLevel isolation, params TransactionStep[] steps) => _transactions.Add(new ClientTransaction
    {
        Number = _transactions.Count,
        Client = "c",
        Isolation = isolation,
        Steps = steps,
        Outcome = outcome,
        Invoked = 0,
        Returned = outcome == OperationOutcome.Unknown ? long.MaxValue : 100,
    });

    private void At(int number, ulong timestamp) => _transactions[number] = _transactions[number] with { CommitTimestamp = new Timestamp(timestamp) };

    private IEnumerable<string> Names(IsolationLevel level) => AppendChecker.Check(_transactions, level, isRealTime: false).Select(anomaly => anomaly.Name).Distinct();

    /// <summary>The anomaly, and none but those that come with it.</summary>
    private void Finds(string name, params string[] with)
    {
        var found = Names(IsolationLevel.Snapshot).ToList();
        Assert.Contains(name, found);
        Assert.Empty(found.Except([name, .. with]));
    }
}
