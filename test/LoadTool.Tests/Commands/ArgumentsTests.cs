using GrainDb.LoadTool.Commands;

namespace GrainDb.LoadTool.Tests.Commands;

public sealed class ArgumentsTests
{
    [Theory]
    [InlineData("500ms", 0.5)]
    [InlineData("10s", 10)]
    [InlineData("1.5m", 90)]
    public void Spans_are_read(string text, double seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), Parse("--time", text).Duration("time", default, TimeSpan.Zero, TimeSpan.FromHours(1)));

    [Theory]
    [InlineData("10")]
    [InlineData("-1s")]
    [InlineData("2h")]
    [InlineData("61m")]
    public void Other_spans_are_errors(string text) =>
        Assert.Throws<UsageException>(() => Parse("--time", text).Duration("time", default, TimeSpan.Zero, TimeSpan.FromHours(1)));

    [Fact]
    public void Unknown_repeated_and_incomplete_options_are_errors()
    {
        Assert.Throws<UsageException>(() => Parse("--other", "1"));
        Assert.Throws<UsageException>(() => Parse("time"));
        Assert.Throws<UsageException>(() => Parse("--time"));
        Assert.Throws<UsageException>(() => Parse("--time", "1s", "--time", "1s"));
    }

    [Fact]
    public void Numbers_out_of_bounds_are_errors()
    {
        Assert.Equal(7, Parse("--time", "7").Integer("time", 1, 1, 10));
        Assert.Throws<UsageException>(() => Parse("--time", "11").Integer("time", 1, 1, 10));
        Assert.Throws<UsageException>(() => Parse("--time", "NaN").Number("time", 1, 0, 10));
    }

    private static Arguments Parse(params string[] args) => Arguments.Parse(args, ["time"], ["flag"]);
}
