using Xunit;

namespace GrainDb.Faults.Recording;

public sealed class WrittenValueTests
{
    [Fact]
    public void A_whole_value_is_known_by_its_name()
    {
        var (name, text) = WrittenValue.Make(7, 12, 100);
        Assert.Equal(name, WrittenValue.NameOf(text));
        Assert.NotEqual(name, WrittenValue.Make(7, 13, 100).Name);
    }

    [Theory]
    [InlineData("7.12.3;hh")]
    [InlineData("7.12.3;hhhh")]
    [InlineData("7.12.3;hih")]
    [InlineData("7.12.3hhh")]
    [InlineData("7.3;hhh")]
    [InlineData("")]
    public void A_part_or_a_mixture_is_not(string text) => Assert.StartsWith("damaged: ", WrittenValue.NameOf(text), StringComparison.Ordinal);
}
