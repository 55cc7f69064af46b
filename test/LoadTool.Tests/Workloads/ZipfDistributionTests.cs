using GrainDb.LoadTool.Workloads;

namespace GrainDb.LoadTool.Tests.Workloads;

public sealed class ZipfDistributionTests
{
    private const int Draws = 1_000_000;

    [Fact]
    public void Ranks_come_with_the_frequencies_of_the_law()
    {
        const int Keys = 1000;
        var zeta = ZipfDistribution.Zeta(Keys);
        var distribution = new ZipfDistribution(Keys, zeta, new Random(7));
        var counts = new int[Keys];
        for (var i = 0; i < Draws; i++)
            counts[distribution.NextRank()]++;

        // The first two ranks are exact in Gray's method; the rest is an approximation, so it is held to its sums.
        Assert.Equal(1 / zeta, counts[0] / (double)Draws, 0.002);
        Assert.Equal(Math.Pow(2, -ZipfDistribution.Theta) / zeta, counts[1] / (double)Draws, 0.002);
        foreach (var top in new[] { 10, 100, 500 })
            Assert.Equal(ZipfDistribution.Zeta(top) / zeta, counts.Take(top).Sum() / (double)Draws, 0.02);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(10)]
    [InlineData(64)]
    public void Every_key_is_drawn_and_none_outside(int keys)
    {
        var distribution = new ZipfDistribution(keys, ZipfDistribution.Zeta(keys), new Random(3));
        var seen = Enumerable.Range(0, 100_000).Select(_ => distribution.Next()).ToHashSet();
        Assert.Equal(Enumerable.Range(0, keys), seen.Order());
    }

    [Fact]
    public void The_largest_number_of_keys_does_not_overflow()
    {
        var distribution = new ZipfDistribution(KeyFormat.MaxKeys, 16.0, new Random(1));
        for (var i = 0; i < 10_000; i++)
            Assert.InRange(distribution.Next(), 0, KeyFormat.MaxKeys - 1);
    }
}
