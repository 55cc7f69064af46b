using GrainDb.Engine.Tests.Ranges;
using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Wal;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace GrainDb.Engine.Tests.Wal;

public sealed class CheckpointPaceTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly List<TimeSpan> _pauses = [];
    private readonly CheckpointPace _pace;
    private long _bytesPerSecond = 1_000_000;

    public CheckpointPaceTests() => _pace = new CheckpointPace(() => _bytesPerSecond, Pause, _time);

    private TimeSpan Paused => _pauses.Aggregate(TimeSpan.Zero, (sum, pause) => sum + pause);

    [Fact]
    public void ItTakesAsLongAsItsBytesMayTake()
    {
        for (var bytes = 10_000; bytes <= 2_000_000; bytes += 10_000)
            _pace.Written(bytes);

        Assert.Equal(TimeSpan.FromSeconds(2), Paused);
    }

    [Fact]
    public void ThePaceMayChangeMeanwhile()
    {
        _pace.Written(1_000_000);
        _bytesPerSecond = 4_000_000;
        _pace.Written(2_000_000);

        Assert.Equal(TimeSpan.FromSeconds(1.25), Paused);
    }

    [Fact]
    public void AStallIsNotMadeUpForInABurst()
    {
        _pace.Written(10_000);
        _time.Advance(TimeSpan.FromSeconds(30));
        _pauses.Clear();
        _pace.Written(60_000);

        Assert.Equal([TimeSpan.FromMilliseconds(50)], _pauses);
    }

    [Fact]
    public void ALongPauseIsManyShortOnes()
    {
        _pace.Written(350_000);

        Assert.Equal([CheckpointPace.LongestPause, CheckpointPace.LongestPause, CheckpointPace.LongestPause, TimeSpan.FromMilliseconds(50)], _pauses);
    }

    [Fact]
    public void SmallPausesArePutOffUntilTheyAreWorthIt()
    {
        for (var bytes = 100; bytes < 1000; bytes += 100)
            _pace.Written(bytes);
        Assert.Empty(_pauses);
        _pace.Written(1000);

        Assert.Equal([TimeSpan.FromMilliseconds(1)], _pauses);
    }

    [Fact]
    public void WhereSomebodyWaitsForItsEndThereIsNoPause()
    {
        _pace.Hurry();
        _pace.Written(1_000_000);

        Assert.Empty(_pauses);
    }

    [Fact]
    public void WhereItIsToEndThereIsNoPauseEither()
    {
        var pauses = 0;
        new CheckpointPace(() => 1, _ => ++pauses == 3, _time).Written(1_000_000);

        Assert.Equal(3, pauses);
    }

    /// <summary>The pause stands in for another thread that comes just then.</summary>
    [Fact]
    public void ASnapshotThatIsToBeInstalledMakesACheckpointHurry()
    {
        var rig = RangeRig.New();
        for (var i = 0; i < 2000; i++)
            rig.Write(RangeRig.Put($"k{i}", new string('x', 900)));
        var pauses = 0;
        var slow = new CheckpointPace(() => 1, _ =>
        {
            Assert.Null(rig.Replica.Checkpoint(CancellationToken.None)); // one at a time
            if (++pauses == 2)
                Assert.False(rig.Replica.TryInstall(null!));
            return false;
        }, rig.Time);

        Assert.NotNull(rig.Replica.Checkpoint(slow, CancellationToken.None));

        Assert.Equal(2, pauses); // of seven blocks
    }

    [Fact]
    public void ReplicasOfOneRangeDoNotWriteTheirCheckpointsAtTheSameMoment()
    {
        var (first, last) = (DueAfter(lastByte: 0), DueAfter(lastByte: 255));

        Assert.InRange(first, TestLog.Small.MinCheckpointBytes, TestLog.Small.MinCheckpointBytes * 1.3);
        Assert.InRange(last, TestLog.Small.MinCheckpointBytes * 1.45, TestLog.Small.MinCheckpointBytes * 1.8);
    }

    /// <summary>Bytes logged when the first checkpoint is due.</summary>
    private static long DueAfter(byte lastByte)
    {
        using var log = WriteAheadLog.Open(TestLog.Small, new FaultyFileSystem(), TestLog.Directory, TestLog.Range, new Guid(1, 2, 3, [0, 0, 0, 0, 0, 0, 0, lastByte]));
        while (!log.ShouldCheckpoint(stateBytes: 0))
            log.Append(1);
        return log.BytesSinceCheckpoint;
    }

    private bool Pause(TimeSpan pause)
    {
        _pauses.Add(pause);
        _time.Advance(pause);
        return false;
    }
}
