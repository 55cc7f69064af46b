using GrainDb.LoadTool.Counters;

namespace GrainDb.LoadTool.Tests.Counters;

public sealed class CounterTallyTests
{
    [Theory]
    [InlineData(10, 0, 10, true)]
    [InlineData(10, 2, 10, true)]
    [InlineData(10, 2, 12, true)]
    [InlineData(10, 0, 9, false)]
    [InlineData(10, 0, 11, false)]
    [InlineData(10, 2, 13, false)]
    public void A_sum_is_what_was_acknowledged_and_at_most_what_is_unknown_more(long acknowledged, long unknown, long sum, bool isRight) =>
        Assert.Equal(isRight, new CounterTally(acknowledged, Refused: 5, unknown).Judge(sum) is null);

    [Fact]
    public void Tallies_of_clients_add_up() =>
        Assert.Equal(new CounterTally(3, 5, 7), new CounterTally(1, 2, 3) + new CounterTally(2, 3, 4));
}
