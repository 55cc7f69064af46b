using GrainDb.Silo.Hosting;
using Xunit;

namespace GrainDb.Silo.Tests.Hosting;

public sealed class SocketThreadsTests
{
    [Theory]
    [InlineData(null, null, 8, "1", "4")]
    [InlineData(null, null, 1, "1", "1")]
    [InlineData(null, "3", 8, "1", null)]
    [InlineData("1", null, 8, null, "4")]
    [InlineData("1", "3", 8, null, null)]
    [InlineData("0", null, 8, null, null)]
    public void The_environment_has_the_last_word(string? onOff, string? count, int processors, string? setOnOff, string? setCount)
    {
        var set = SocketThreads.Missing(name => name == SocketThreads.Switch ? onOff : name == SocketThreads.Count ? count : null, processors).ToDictionary();

        Assert.Equal(setOnOff, set.GetValueOrDefault(SocketThreads.Switch));
        Assert.Equal(setCount, set.GetValueOrDefault(SocketThreads.Count));
    }
}
