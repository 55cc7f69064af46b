using CsCheck;
using GrainDb.Engine.Ring;
using Xunit;

namespace GrainDb.Engine.Tests.Ring;

public sealed class WeightQuotasTests
{
    private static int[] Divide(double[] weights, int seats, int[]? held = null, int[]? wished = null) => WeightQuotas.Divide(
        [.. weights.Select((weight, i) => new RingNode($"n{i}", weight))], seats, held ?? new int[weights.Length], wished ?? new int[weights.Length]);

    [Fact]
    public void Whole_shares_are_exact()
    {
        Assert.Equal([200, 400, 100], Divide([1, 2, 0.5], 700));
        Assert.Equal([1, 2, 3], Divide([0.1, 0.2, 0.3], 6));
        Assert.Equal([200, 400, 100], Divide([1, 2, 0.5], 700, held: [700, 0, 0], wished: [0, 0, 700]));
    }

    [Fact]
    public void A_node_that_would_have_to_give_one_up_keeps_it() =>
        Assert.Equal([3, 3, 4], Divide([1, 1, 1], 10, held: [3, 3, 4], wished: [10, 0, 0]));

    [Fact]
    public void Otherwise_the_rest_goes_where_the_ring_wishes_it()
    {
        Assert.Equal([3, 4, 3], Divide([1, 1, 1], 10, wished: [2, 5, 3]));
        Assert.Equal([0, 0, 1], Divide([1, 2, 0.5], 1, wished: [0, 0, 1]));
    }

    [Fact]
    public void On_equal_wishes_the_rest_goes_by_largest_remainder_then_by_name()
    {
        Assert.Equal([3, 3, 2], Divide([4.2, 3.3, 2.5], 8, wished: [3, 2, 2]));
        Assert.Equal([4, 3, 3], Divide([1, 1, 1], 10, wished: [3, 3, 3]));
    }

    [Fact]
    public void Quotas_are_the_exact_share_rounded_down_or_up_and_use_all_seats() =>
        Gen.Select(Gen.Double[0.01, 50].Array[1, 30], Gen.Int[0, 5_000], Gen.Int[0, 300].Array[30], Gen.Int[0, 300].Array[30]).Sample(
            (weights, seats, held, wished) =>
            {
                var quotas = Divide(weights, seats, held[..weights.Length], wished[..weights.Length]);
                Assert.Equal(seats, quotas.Sum());
                for (var i = 0; i < weights.Length; i++)
                {
                    var exact = seats * weights[i] / weights.Sum();
                    Assert.InRange(quotas[i], Math.Floor(exact - 1e-6), Math.Ceiling(exact + 1e-6));
                }
            });
}
