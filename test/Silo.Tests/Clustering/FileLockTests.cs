using GrainDb.Silo.Clustering;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace GrainDb.Silo.Tests.Clustering;

public sealed class FileLockTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_lock_is_held_until_it_is_disposed()
    {
        var path = _directory["lock"];
        Assert.False(FileLock.IsHeld(path)); // no file
        using (var held = FileLock.TryTake(path))
        {
            Assert.NotNull(held);
            Assert.True(FileLock.IsHeld(path));
            Assert.Null(FileLock.TryTake(path));
        }

        Assert.False(FileLock.IsHeld(path));
        using var again = FileLock.TryTake(path);
        Assert.NotNull(again);
    }

    [Fact]
    public void Looking_does_not_disturb_other_lookers()
    {
        var path = _directory["lock"];
        FileLock.TryTake(path)!.Dispose();
        using var looker = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        Assert.False(FileLock.IsHeld(path));
    }

    [Fact]
    public void Not_being_able_to_look_is_an_error()
    {
        Directory.CreateDirectory(_directory["lock"]);
        Assert.ThrowsAny<Exception>(() => FileLock.IsHeld(_directory["lock"]));
    }

    [Fact]
    public async Task Waiting_ends_when_the_lock_is_free()
    {
        var time = new FakeTimeProvider();
        var held = FileLock.TryTake(_directory["lock"])!;
        var waiting = FileLock.TakeAsync(_directory["lock"], TimeSpan.FromSeconds(1), time);
        Assert.False(waiting.IsCompleted);
        held.Dispose();
        time.Advance(TimeSpan.FromMilliseconds(1));
        using var taken = await waiting.WaitAsync(TestContext.Current.CancellationToken);
        Assert.True(FileLock.IsHeld(taken.Path));
    }

    [Fact]
    public async Task Waiting_is_bounded_and_says_for_what()
    {
        var time = new FakeTimeProvider();
        using var held = FileLock.TryTake(_directory["lock"]);
        var waiting = FileLock.TakeAsync(_directory["lock"], TimeSpan.FromSeconds(1), time);
        while (!waiting.IsCompleted)
        {
            time.Advance(TimeSpan.FromMilliseconds(50)); // each advance ends one pause, if the waiter has come to it
            await Task.Yield();
        }

        var refused = await Assert.ThrowsAsync<TimeoutException>(() => waiting);
        Assert.StartsWith(_directory["lock"], refused.Message, StringComparison.Ordinal);
    }
}
