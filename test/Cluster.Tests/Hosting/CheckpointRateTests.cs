using GrainDb.Grains.Hosting;
using Microsoft.Extensions.Time.Testing;

namespace GrainDb.Cluster.Tests.Hosting;

public sealed class CheckpointRateTests
{
    private const long Least = 1000;

    private readonly FakeTimeProvider _time = new();
    private readonly CheckpointRate _rate;

    public CheckpointRateTests() => _rate = new CheckpointRate(Least, _time);

    [Fact]
    public void LittleIsLoggedAndTheDiskIsLeftToIt() => Assert.Equal(Least, After(seconds: 2, logged: 499));

    [Fact]
    public void CheckpointsKeepUpWithWhatIsLogged()
    {
        Assert.Equal(CheckpointRate.Multiple * 5000, After(seconds: 2, logged: 10_000));
        Assert.Equal(CheckpointRate.Multiple * 3000, After(seconds: 1, logged: 13_000));
    }

    [Fact]
    public void ReplicasThatWereClosedTakeTheirCountWithThem()
    {
        After(seconds: 1, logged: 1_000_000);

        Assert.Equal(Least, After(seconds: 1, logged: 10));
        Assert.Equal(CheckpointRate.Multiple * 2000, After(seconds: 1, logged: 2010));
    }

    [Fact]
    public void TwoCallsAtOneMomentSayNothing() => Assert.Equal(Least, After(seconds: 0, logged: 1_000_000));

    private long After(double seconds, long logged)
    {
        _time.Advance(TimeSpan.FromSeconds(seconds));
        return _rate.Next(logged);
    }
}
