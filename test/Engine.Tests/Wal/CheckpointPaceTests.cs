using GrainDb.Engine.Tests.Ranges;
using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Wal;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace GrainDb.Engine.Tests.Wal;

public sealed class CheckpointPaceTests
{
    private const long BytesPerSecond = 1_000_000;

    private readonly FakeTimeProvider _time = new();
    private readonly List<TimeSpan> _pauses = [];
    private readonly CheckpointPace _pace;

    public CheckpointPaceTests() => _pace = new CheckpointPace(BytesPerSecond, Pause, _time);

    [Fact]
    public void ItTakesAsLongAsItsBytesMayTake()
    {
        for (var bytes = 10_000; bytes <= 2 * BytesPerSecond; bytes += 10_000)
            _pace.Written(bytes);

        Assert.Equal(TimeSpan.FromSeconds(2), _pauses.Aggregate((sum, pause) => sum + pause));
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
    public void ALargeBlockIsPaidForBehindSeveral()
    {
        _pace.Written(BytesPerSecond);
        Assert.Equal([CheckpointPace.LongestPause], _pauses);
        for (var more = 1; more <= 9; more++)
            _pace.Written(BytesPerSecond + more);

        Assert.All(_pauses, pause => Assert.Equal(CheckpointPace.LongestPause, pause));
        Assert.Equal(10, _pauses.Count);
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
        _pace.Written(BytesPerSecond);

        Assert.Empty(_pauses);
    }

    /// <summary>The pause stands in for another thread that comes just then.</summary>
    [Fact]
    public void ACheckpointThatSomebodyAsksForHurriesTheOneThatIsBeingWritten()
    {
        var rig = RangeRig.New();
        rig.Write(RangeRig.Put("k", new string('x', 900)));
        var pauses = 0;
        var slow = new CheckpointPace(100, _ =>
        {
            pauses++;
            Assert.True(rig.Replica.IsWritingCheckpoint);
            Assert.Null(rig.Replica.Checkpoint(new CheckpointPace(100, _ => { }, rig.Time), CancellationToken.None));
            if (pauses == 2)
                Assert.Null(rig.Replica.Checkpoint(CancellationToken.None));
        }, rig.Time);
        for (var i = 0; i < 2000; i++)
            rig.Write(RangeRig.Put($"k{i}", new string('x', 900)));

        Assert.NotNull(rig.Replica.Checkpoint(slow, CancellationToken.None));

        Assert.Equal(2, pauses); // of seven blocks
        Assert.False(rig.Replica.IsWritingCheckpoint);
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

    private void Pause(TimeSpan pause)
    {
        _pauses.Add(pause);
        _time.Advance(pause);
    }
}
