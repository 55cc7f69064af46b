using System.Diagnostics;
using CsCheck;
using GrainDb.Histories.Isolation;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Histories.Tests.Isolation;

public sealed class IsolationProperties
{
    private static readonly Gen<int> Seeds = Gen.Int[0, int.MaxValue - 1];

    [Fact]
    public void A_history_of_serializable_transactions_is_accepted() => Accepts(_ => IsolationLevel.Serializable);

    [Fact]
    public void A_history_of_snapshot_transactions_is_accepted() => Accepts(_ => IsolationLevel.Snapshot);

    [Fact]
    public void A_history_of_both_is_accepted() => Accepts(random => random.Next(2) == 0 ? IsolationLevel.Snapshot : IsolationLevel.Serializable);

    [Fact]
    public void Snapshot_transactions_are_not_taken_for_serializable_ones()
    {
        var operations = new SnapshotDatabase(1, keys: 4, unknown: 0, _ => IsolationLevel.Snapshot).Run(clients: 8, transactions: 500, maxSteps: 4);
        Assert.All(
            AppendChecker.Check(operations, IsolationLevel.Serializable, isRealTime: true),
            anomaly => Assert.True(anomaly.Kind is AnomalyKind.WriteSkew or AnomalyKind.PredicateWriteSkew, $"{anomaly}"));
        Assert.NotEmpty(AppendChecker.Check(operations, IsolationLevel.Serializable, isRealTime: true));
    }

    [Fact]
    public void Cycles_say_of_serializable_transactions_what_trying_every_order_says() => Compares(
        seed => new SnapshotDatabase(seed, keys: 2, unknown: 0.1, _ => IsolationLevel.Serializable).Run(clients: 3, transactions: 5, maxSteps: 3),
        isExact: _ => true);

    /// <summary>Of several appends that nobody saw, the order is open; that two of them cannot stand in either order, no single dependency says.</summary>
    [Fact]
    public void Cycles_say_of_snapshot_transactions_what_trying_every_order_says() => Compares(
        seed => new SnapshotDatabase(seed, keys: 2, unknown: 0.1, random => random.Next(3) > 0 ? IsolationLevel.Snapshot : IsolationLevel.Serializable).Run(clients: 3, transactions: 4, maxSteps: 3),
        isExact: transactions => UnseenAppends(transactions) <= 1);

    [Fact]
    public void A_hundred_thousand_transactions_are_judged_in_seconds()
    {
        var keys = 0;
        var operations = new SnapshotDatabase(5, keys: 0, unknown: 0.02, random => random.Next(2) == 0 ? IsolationLevel.Snapshot : IsolationLevel.Serializable)
        {
            // Some keys at a time, so that lists stay short.
            ChooseKey = random => $"k{(keys++ / 300 * 10) + random.Next(10)}",
        }.Run(clients: 20, transactions: 100_000, maxSteps: 4);
        var watch = Stopwatch.StartNew();
        Assert.Empty(AppendChecker.Check(operations, isRealTime: true));
        TestContext.Current.SendDiagnosticMessage($"judged in {watch.Elapsed.TotalSeconds:F1} s");
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(30), $"{watch.Elapsed}");

        // And when everything is wrong with it.
        watch.Restart();
        Assert.NotEmpty(AppendChecker.Check(operations, IsolationLevel.Serializable, isRealTime: true));
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(30), $"{watch.Elapsed}");
    }

    private static void Accepts(Func<Random, IsolationLevel> level) => Seeds.Sample(
        seed =>
        {
            var database = new SnapshotDatabase(seed, keys: 1 + (seed % 5), unknown: 0.1, level);
            var transactions = database.Run(clients: 1 + (seed % 7), transactions: 150, maxSteps: 5);
            var anomalies = AppendChecker.Check(transactions, isRealTime: true);
            Assert.True(anomalies.Count == 0, $"{string.Join('\n', anomalies)}\nin\n{string.Join('\n', transactions)}");
            transactions = database.AsRegisters();
            anomalies = RegisterChecker.Check(transactions, isRealTime: true);
            Assert.True(anomalies.Count == 0, $"{string.Join('\n', anomalies)}\nin\n{string.Join('\n', transactions)}");
        },
        iter: 300);

    private static void Compares(Func<int, List<ClientTransaction>> run, Func<IReadOnlyList<ClientTransaction>, bool> isExact)
    {
        var (possible, impossible) = (0, 0);
        Seeds.Sample(
            seed =>
            {
                var transactions = Disturb(run(seed), new Random(seed));
                var isRealTime = seed % 2 == 0;
                var anomalies = AppendChecker.Check(transactions, isRealTime);
                var expected = ExhaustiveSchedules.IsPossible(transactions, isRealTime);
                Interlocked.Increment(ref expected ? ref possible : ref impossible);
                if (expected || isExact(transactions))
                    Assert.True(expected == (anomalies.Count == 0), $"{(expected ? "" : "not ")}possible, real time {isRealTime}:\n{string.Join('\n', transactions)}\nbut\n{string.Join('\n', anomalies)}");
            },
            iter: 5_000);
        Assert.True(Math.Min(possible, impossible) > 500, $"{possible} possible, {impossible} not");
    }

    /// <summary>Changes answers here and there, so that the history may be wrong; what is read still is a beginning of what was there.</summary>
    private static List<ClientTransaction> Disturb(List<ClientTransaction> transactions, Random random)
    {
        var lists = transactions.SelectMany(transaction => transaction.Steps).Where(step => step.Kind == StepKind.ReadList).GroupBy(step => step.Key)
            .ToDictionary(key => key.Key, key => key.MaxBy(step => step.List.Count)!.List);
        for (var changes = random.Next(4); changes > 0; changes--)
        {
            var i = random.Next(transactions.Count);
            var transaction = transactions[i];
            var at = random.Next(transaction.Steps.Count);
            var step = transaction.Steps[at];
            if (step.Kind == StepKind.ReadList && random.Next(4) > 0)
            {
                var list = lists[step.Key];
                transactions[i] = transaction with { Steps = [.. transaction.Steps.Take(at), TransactionStep.ReadList(step.Key, [.. list.Take(random.Next(list.Count + 1))]), .. transaction.Steps.Skip(at + 1)] };
            }
            else
            {
                transactions[i] = random.Next(3) switch
                {
                    0 => transaction with { Outcome = OperationOutcome.Ok, Returned = transaction.Returned == long.MaxValue ? transaction.Invoked + 3 : transaction.Returned },
                    1 => transaction with { Outcome = OperationOutcome.Unknown, Returned = long.MaxValue },
                    _ => transaction with { Outcome = OperationOutcome.NotApplied },
                };
            }
        }

        return transactions;
    }

    private static int UnseenAppends(IReadOnlyList<ClientTransaction> transactions)
    {
        var seen = transactions.SelectMany(reader => reader.Steps
            .Where(step => step.Kind == StepKind.ReadList)
            .SelectMany(step => step.List.Select(element => (step.Key, element)))
            .Except(reader.Steps.Where(step => step.Kind == StepKind.Append).Select(step => (step.Key, step.Element!.Value)))).ToHashSet();
        return transactions.Where(transaction => transaction.Outcome != OperationOutcome.NotApplied).SelectMany(transaction => transaction.Steps)
            .Where(step => step.Kind == StepKind.Append && !seen.Contains((step.Key, step.Element!.Value)))
            .GroupBy(step => step.Key).Select(key => key.Count()).DefaultIfEmpty().Max();
    }
}
