using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Grains.Hosting;

/// <summary>
/// The checkpoints of one replica while it is in memory, one at a time: those that are due are written at a pace; somebody who waits for one makes it hurry, and has his own behind it; closing ends what is being
/// written, and comes after it.
/// </summary>
#pragma warning disable CA1001 // Nothing unmanaged behind its fields, and callers may wait for the turn of a replica that was just closed.
internal sealed class CheckpointTurn(TimeProvider time)
#pragma warning restore CA1001
{
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly CancellationTokenSource _closing = new();
    private volatile CheckpointPace? _pace;
    private int _waiting;

    /// <summary>Writes one at a pace, where none is being written.</summary>
    /// <param name="write">Writes it, blocking; throws nothing.</param>
    /// <param name="bytesPerSecond">The pace.</param>
    /// <param name="stopping">Ends it.</param>
    public async Task WhenDueAsync(Func<CheckpointPace?, CancellationToken, Lsn?> write, Func<long> bytesPerSecond, CancellationToken stopping)
    {
        if (IsEnding || !await _turn.WaitAsync(TimeSpan.Zero, CancellationToken.None))
            return;
        try
        {
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(stopping, _closing.Token);
            var token = ending.Token;
            var pace = _pace = new CheckpointPace(bytesPerSecond, token.WaitHandle.WaitOne, time);
            if (Volatile.Read(ref _waiting) > 0)
                pace.Hurry();
            await OwnThread(() => write(pace, token));
        }
        finally
        {
            _pace = null;
            _turn.Release();
        }
    }

    /// <summary>Writes one as fast as it goes, after one that is being written.</summary>
    /// <param name="write">Writes it, blocking; throws nothing.</param>
    /// <returns>What <paramref name="write"/> said; null when the replica is being closed.</returns>
    public async Task<Lsn?> NowAsync(Func<CheckpointPace?, CancellationToken, Lsn?> write)
    {
        Interlocked.Increment(ref _waiting);
        try
        {
            _pace?.Hurry();
            await _turn.WaitAsync(_closing.Token);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }

        try
        {
            return await OwnThread(() => write(null, _closing.Token));
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>The replica is to be closed: what is being written ends soon, and nothing is begun any more.</summary>
    public Task EndAsync() => _closing.CancelAsync();

    /// <inheritdoc cref="EndAsync"/>
    public bool IsEnding => _closing.IsCancellationRequested;

    /// <summary>The same, and waits for its end. Once, by who closes the replica; a checkpoint of his own comes behind it.</summary>
    public async Task CloseAsync()
    {
        await EndAsync();
        await _turn.WaitAsync();
    }

    /// <summary>It blocks for seconds, and so must not take one of the pool's few threads (<see cref="DiskThreads"/>).</summary>
    private static Task<Lsn?> OwnThread(Func<Lsn?> write) => Task.Factory.StartNew(write, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
