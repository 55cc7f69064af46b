using GrainDb.Grains.Hosting;
using Microsoft.Extensions.Time.Testing;

namespace GrainDb.Cluster.Tests.Hosting;

public sealed class DiskThreadsTests
{
    private const int Processors = 2;

    private readonly FakeTimeProvider _time = new();
    private int _minimum;

    [Fact]
    public void NobodyWaitsAndThereIsAThreadForEachProcessor()
    {
        using var threads = New();

        Assert.Equal(Processors, _minimum);
    }

    [Fact]
    public void EveryThreadThatWaitsIsReplacedAtOnce()
    {
        using var threads = New();

        threads.Enter();
        threads.Enter();

        Assert.Equal(Processors + 2, _minimum);
    }

    [Fact]
    public void OneAfterTheOtherNeedsOneReplacement()
    {
        using var threads = New();

        for (var i = 0; i < 10; i++)
        {
            threads.Enter();
            threads.Leave();
        }

        Assert.Equal(Processors + 1, _minimum);
    }

    [Fact]
    public void ReplacementsHaveABound()
    {
        using var threads = New();

        for (var i = 0; i < 2 * DiskThreads.MostReplaced; i++)
            threads.Enter();

        Assert.Equal(Processors + DiskThreads.MostReplaced, _minimum);
    }

    [Fact]
    public void APeakIsForgottenAndThoseWhoStillWaitAreNot()
    {
        using var threads = New();
        for (var i = 0; i < 5; i++)
            threads.Enter();
        for (var i = 0; i < 4; i++)
            threads.Leave();

        _time.Advance(DiskThreads.Memory); // the peak was in this span
        Assert.Equal(Processors + 5, _minimum);
        _time.Advance(DiskThreads.Memory);

        Assert.Equal(Processors + 1, _minimum);
    }

    private DiskThreads New() => new(Processors, minimum => _minimum = minimum, _time);
}
