using System.Text.Json;
using CsCheck;
using GrainDb.Engine.Sagas;
using GrainDb.Grains.Orders;
using GrainDb.Grains.Sagas.Participants;
using GrainDb.Grains.Transactions;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Cluster.Tests.Orders;

/// <summary>
/// Whatever calls of a step come, however often, in whatever order and from whichever node, they make at most one effect, and an effect that is undone is gone. Every
/// sequence of up to four is tried, and many that run at once.
/// </summary>
public sealed class ParticipantProtocolTests(OrderCluster cluster) : IClassFixture<OrderCluster>
{
    private const int Stock = 1_000_000;
    private const int Taken = 3;

    /// <summary>What may happen to a step.</summary>
    public enum Happening
    {
        Do,
        Undo,
        SkippedByOperator,
        UndoneByOperator,
    }

    [Fact]
    public async Task Every_sequence_of_four_calls_ends_as_the_model_says()
    {
        var sku = cluster.NewName("article");
        await cluster.SetStockAsync(sku, Stock);
        var happenings = Enum.GetValues<Happening>();
        var sequences =
            from first in happenings
            from second in happenings
            from third in happenings
            from fourth in happenings
            select new[] { first, second, third, fourth };

        var expected = (long)Stock;
        foreach (var sequence in sequences)
        {
            var (saga, model) = (cluster.NewName("saga"), new StepModel());
            for (var i = 0; i < sequence.Length; i++)
            {
                var told = await HappenAsync(i % 3, saga, sku, sequence[i]);
                Assert.True(model.Happen(sequence[i]) == told, $"{string.Join(' ', sequence)}: at {i} it was told {told}");
            }

            expected -= model.HasEffect ? Taken : 0;
            Assert.Equal((expected, string.Join(' ', sequence)), (await cluster.StockAsync(sku), string.Join(' ', sequence)));
        }
    }

    [Theory]
    [InlineData(nameof(ParticipantFaults.NoRecord))]
    [InlineData(nameof(ParticipantFaults.ActAfterUndo))]
    public async Task An_error_of_a_participant_is_noticed(string error)
    {
        var broken = new InventoryService(new Participant(cluster.Nodes.Service<SystemTransactions>(0), TimeProvider.System) { Faults = Enum.Parse<ParticipantFaults>(error) });
        var sku = cluster.NewName("article");
        await cluster.SetStockAsync(sku, Stock);
        var isNoticed = false;
        foreach (var sequence in new Happening[][] { [Happening.Do, Happening.Do], [Happening.Undo, Happening.Do], [Happening.Do, Happening.Undo, Happening.Undo] })
        {
            var (saga, model, before) = (cluster.NewName("saga"), new StepModel(), await cluster.StockAsync(sku));
            foreach (var happening in sequence)
            {
                var call = OrderCluster.Call(
                    happening == Happening.Undo ? InventoryService.Release : InventoryService.Reserve, saga, happening == Happening.Undo, new { lines = new[] { new { sku, quantity = Taken } } });
                await broken.CallAsync(call, TestContext.Current.CancellationToken);
                model.Happen(happening);
            }

            isNoticed |= before - await cluster.StockAsync(sku) != (model.HasEffect ? Taken : 0);
        }

        Assert.True(isNoticed, $"nobody noticed {error}");
    }

    [Fact]
    public async Task A_record_that_is_younger_than_what_is_forgotten_stays_and_an_older_one_goes()
    {
        var (sku, saga) = (cluster.NewName("article"), cluster.NewName("saga"));
        await cluster.SetStockAsync(sku, Stock);
        await HappenAsync(0, saga, sku, Happening.Do);
        var service = cluster.Service(1, InventoryService.ServiceName);

        Assert.Null(await service.ForgetAsync([(saga, "step")], Timestamp.FromTime(DateTimeOffset.UtcNow - TimeSpan.FromHours(1)), TestContext.Current.CancellationToken));
        await HappenAsync(1, saga, sku, Happening.Do);
        Assert.Equal(Stock - Taken, await cluster.StockAsync(sku));

        Assert.Null(await service.ForgetAsync([(saga, "step")], Timestamp.FromTime(DateTimeOffset.UtcNow + TimeSpan.FromHours(1)), TestContext.Current.CancellationToken));
        await HappenAsync(2, saga, sku, Happening.Do);
        Assert.Equal(Stock - (2 * Taken), await cluster.StockAsync(sku));
    }

    [Fact]
    public async Task Calls_that_run_at_once_agree_and_make_at_most_one_effect()
    {
        var sku = cluster.NewName("article");
        await cluster.SetStockAsync(sku, Stock);
        await Gen.Enum<Happening>().Array[1, 7].SampleAsync(
            async others =>
            {
                var before = await cluster.StockAsync(sku);
                var saga = cluster.NewName("saga");
                Happening[] happenings = [Happening.Do, .. others];

                var told = await Task.WhenAll(happenings.Select((happening, index) => HappenAsync(index % 3, saga, sku, happening)));

                var done = await HappenAsync(0, saga, sku, Happening.Do) == Told.Done;
                Assert.All(happenings.Zip(told).Where(call => call.First == Happening.Do), call => Assert.Equal(done, call.Second == Told.Done));
                var mayStand = done && (!others.Contains(Happening.Undo) || others.Contains(Happening.UndoneByOperator));
                var mayBeGone = !done || others.Contains(Happening.Undo) || others.Contains(Happening.SkippedByOperator);
                var taken = before - await cluster.StockAsync(sku);
                Assert.True((mayStand && taken == Taken) || (mayBeGone && taken == 0), $"{string.Join(' ', happenings)}: done {done}, taken {taken}");
            },
            iter: 100,
            threads: 1);
    }

    [Fact]
    public async Task Random_orders_of_many_steps_at_once_conserve_stock_and_money()
    {
        var gen = Gen.Select(Gen.Int[0, 4], Gen.Int[0, 2], Gen.Bool, Gen.Bool).Array[20, 60];
        await gen.SampleAsync(
            async calls =>
            {
                var (sku, account) = (cluster.NewName("article"), cluster.NewName("account"));
                await cluster.SetStockAsync(sku, 4, "2.00");
                await cluster.SetBalanceAsync(account, "5.00");
                var sagas = Enumerable.Range(0, 5).Select(_ => cluster.NewName("saga")).ToArray();

                await Task.WhenAll(calls.Select(call => call.Item3
                    ? cluster.ReserveAsync(call.Item2, sagas[call.Item1], call.Item4, (sku, 1))
                    : cluster.ChargeAsync(call.Item2, sagas[call.Item1], call.Item4, account, "2.00")));

                var (stock, money) = (4L, 500L);
                foreach (var saga in sagas)
                {
                    // What stands is what a repeated do completes and no undo has gone over: ask by undoing it, which changes what it changes.
                    var (stockBefore, balanceBefore) = (await cluster.StockAsync(sku), await cluster.BalanceAsync(account));
                    Assert.InRange(stockBefore, 0, 4);
                    Assert.Equal(SagaCallStatus.Completed, (await cluster.ReserveAsync(0, saga, isUndo: true, (sku, 1))).Status);
                    Assert.Equal(SagaCallStatus.Completed, (await cluster.ChargeAsync(1, saga, isUndo: true, account, "2.00")).Status);
                    Assert.InRange(await cluster.StockAsync(sku) - stockBefore, 0, 1);
                    Assert.Contains(Hundredths(await cluster.BalanceAsync(account)) - Hundredths(balanceBefore), new[] { 0L, 200L });
                }

                Assert.Equal((stock, money), (await cluster.StockAsync(sku), Hundredths(await cluster.BalanceAsync(account))));
            },
            iter: 25,
            threads: 1);
    }

    private static long Hundredths(string amount) => long.Parse(amount.Replace(".", "", StringComparison.Ordinal), System.Globalization.CultureInfo.InvariantCulture);

    private async Task<Told> HappenAsync(int node, string saga, string sku, Happening happening)
    {
        if (happening is Happening.Do or Happening.Undo)
        {
            var result = await cluster.ReserveAsync(node, saga, happening == Happening.Undo, (sku, Taken));
            return (happening, result.Status) switch
            {
                (Happening.Do, SagaCallStatus.Completed) => Told.Done,
                (Happening.Do, SagaCallStatus.Rejected) => Told.Refused,
                (Happening.Undo, SagaCallStatus.Completed) => Told.Undone,
                _ => throw new InvalidOperationException($"{happening}: {result}"),
            };
        }

        var call = OrderCluster.Call(InventoryService.Reserve, saga, isUndo: false, new { lines = new[] { new { sku, quantity = Taken } } });
        var refusal = await cluster.Service(node, InventoryService.ServiceName).SettleAsync(
            call, happening == Happening.SkippedByOperator, JsonSerializer.SerializeToElement(new { amount = "0.00" }), TestContext.Current.CancellationToken);
        return refusal is null ? Told.Settled : Told.Refused;
    }
}
