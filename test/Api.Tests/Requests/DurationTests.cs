using CsCheck;
using GrainDb.Api.Requests;

namespace GrainDb.Api.Tests.Requests;

public sealed class DurationTests
{
    [Theory]
    [InlineData("500ms", 500)]
    [InlineData("60s", 60_000)]
    [InlineData("15m", 900_000)]
    [InlineData("1h", 3_600_000)]
    [InlineData("7d", 604_800_000)]
    [InlineData("0s", 0)]
    public void Units(string text, long milliseconds)
    {
        Assert.True(Duration.TryParse(text, out var duration));
        Assert.Equal(milliseconds, (long)duration.TotalMilliseconds);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("s")]
    [InlineData("-5s")]
    [InlineData("1.5s")]
    [InlineData("5 s")]
    [InlineData("5S")]
    [InlineData("5sec")]
    [InlineData("1h30m")]
    [InlineData("99999999999999999999d")]
    [InlineData("9999999999d")]
    [InlineData("\u0663s")]
    public void Other_texts_are_none(string? text) => Assert.False(Duration.TryParse(text, out _));

    [Fact]
    public void What_is_written_reads_back() => Gen.Long[0, TimeSpan.MaxValue.Ticks / TimeSpan.TicksPerMillisecond].Sample(milliseconds =>
    {
        var duration = TimeSpan.FromTicks(milliseconds * TimeSpan.TicksPerMillisecond);
        return Duration.TryParse(Duration.Format(duration), out var back) && back == duration;
    });

    [Theory]
    [InlineData(3_600_000, "1h")]
    [InlineData(5_400_000, "90m")]
    [InlineData(86_400_000, "1d")]
    [InlineData(1, "1ms")]
    public void The_largest_unit_is_written(long milliseconds, string text) => Assert.Equal(text, Duration.Format(TimeSpan.FromMilliseconds(milliseconds)));
}
