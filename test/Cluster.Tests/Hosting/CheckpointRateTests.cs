using GrainDb.Grains.Hosting;
using Microsoft.Extensions.Time.Testing;

namespace GrainDb.Cluster.Tests.Hosting;

public sealed class CheckpointRateTests
{
    private const long Least = 1000;

    private readonly FakeTimeProvider _time = new();
    private readonly Dictionary<object, long> _logged = new() { ["a"] = 5_000_000, ["b"] = 0 };
    private readonly CheckpointRate _rate;

    public CheckpointRateTests() => _rate = new CheckpointRate(Least, () => _logged.Select(entry => (entry.Key, entry.Value)), _time);

    [Fact]
    public void WhereLittleIsLoggedTheDiskIsLeftToIt()
    {
        _logged["a"] += 499;

        Assert.Equal(Least, After(seconds: 2));
    }

    [Fact]
    public void CheckpointsKeepUpWithWhatAllLog()
    {
        _logged["a"] += 6000;
        _logged["b"] += 4000;
        Assert.Equal(CheckpointRate.Multiple * 5000, After(seconds: 2));
        _logged["b"] += 3000;
        Assert.Equal(CheckpointRate.Multiple * 3000, After(seconds: 1));
    }

    [Fact]
    public void ReplicasThatAreClosedTakeNothingFromOthers()
    {
        _logged.Remove("a");
        _logged["b"] += 2000;
        _logged["c"] = 1000; // opened since

        Assert.Equal(CheckpointRate.Multiple * 3000, After(seconds: 1));
    }

    [Fact]
    public void ARateHoldsForAWhile()
    {
        _logged["a"] += 2000;
        Assert.Equal(Least, After(seconds: 0.5));
        Assert.Equal(CheckpointRate.Multiple * 2000, After(seconds: 0.5));
        _logged["a"] += 1_000_000;
        Assert.Equal(CheckpointRate.Multiple * 2000, After(seconds: 0.9));
    }

    private long After(double seconds)
    {
        _time.Advance(TimeSpan.FromSeconds(seconds));
        return _rate.BytesPerSecond;
    }
}
