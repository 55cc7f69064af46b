using GrainDb.Engine.Wal;
using GrainDb.Grains.Hosting;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Cluster.Tests.Hosting;

public sealed class CheckpointTurnTests
{
    private const long VerySlow = 1; // byte per second

    private readonly CheckpointTurn _turn = new(TimeProvider.System);
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<string> _written = [];

    [Fact]
    public async Task WhoeverWaitsForOneMakesTheSlowOneHurryAndHasHisOwnBehindIt()
    {
        var slow = _turn.WhenDueAsync(WriteSlowly, () => VerySlow, CancellationToken.None);
        await _begun.Task;

        Assert.Equal(new Lsn(2), await _turn.NowAsync((pace, _) => Write("mine", pace, new Lsn(2))));
        await slow;

        Assert.Equal(["slow", "mine at full speed"], _written);
    }

    [Fact]
    public async Task OneThatIsDueIsLeftOutWhileAnotherIsBeingWritten()
    {
        var slow = _turn.WhenDueAsync(WriteSlowly, () => VerySlow, CancellationToken.None);
        await _begun.Task;

        await _turn.WhenDueAsync((pace, _) => Write("second", pace, new Lsn(2)), () => VerySlow, CancellationToken.None);
        await _turn.CloseAsync();
        await slow;

        Assert.Equal(["slow, ended"], _written);
    }

    [Fact]
    public async Task ClosingEndsTheSlowOneAndComesBehindIt()
    {
        var slow = _turn.WhenDueAsync(WriteSlowly, () => VerySlow, CancellationToken.None);
        await _begun.Task;

        await _turn.CloseAsync();
        Assert.Equal(["slow, ended"], _written);

        Assert.Null(await _turn.NowAsync((pace, _) => Write("late", pace, new Lsn(2))));
        await _turn.WhenDueAsync((pace, _) => Write("late", pace, new Lsn(2)), () => VerySlow, CancellationToken.None);
        await slow;
        Assert.Equal(["slow, ended"], _written);
    }

    [Fact]
    public async Task ANodeThatStopsDoesNotWaitForIt()
    {
        using var stopping = new CancellationTokenSource();
        var slow = _turn.WhenDueAsync(WriteSlowly, () => VerySlow, stopping.Token);
        await _begun.Task;

        await stopping.CancelAsync();
        await slow;

        Assert.Equal(["slow, ended"], _written);
        Assert.Equal(new Lsn(2), await _turn.NowAsync((pace, _) => Write("mine", pace, new Lsn(2))));
    }

    private Lsn? WriteSlowly(CheckpointPace? pace, CancellationToken token)
    {
        _begun.SetResult();
        pace!.Written(1_000_000); // eleven days
        _written.Add(token.IsCancellationRequested ? "slow, ended" : "slow");
        return new Lsn(1);
    }

    private Lsn? Write(string what, CheckpointPace? pace, Lsn lsn)
    {
        _written.Add(pace is null ? $"{what} at full speed" : what);
        return lsn;
    }
}
