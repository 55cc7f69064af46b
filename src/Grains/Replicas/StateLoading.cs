using GrainDb.Engine.Ranges;
using GrainDb.Engine.Replication;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Errors;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Replicas;

/// <summary>
/// When the state of a replica is read into memory. A follower promises and appends without it, so its state comes behind what somebody waits for: leaders
/// load their own, those that are being elected on this node go first, and a moment is left to those on other nodes of the same machine. One follower at
/// a time, so that a node that has just started stays able to answer.
/// </summary>
internal sealed class StateLoading(TimeProvider time, ILogger<StateLoading> logger) : IDisposable
{
    /// <summary>How long a follower leaves the processor to others: before it begins, to elections here at most, and after an error.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan Round = TimeSpan.FromMilliseconds(50);

    private readonly SemaphoreSlim _turn = new(1, 1);
    private int _elections;

    /// <summary>Runs an election, for which followers wait.</summary>
    public async Task<Failure?> ElectAsync(RangeLeader leader)
    {
        Interlocked.Increment(ref _elections);
        try
        {
            return await Task.Run(leader.StartAsync);
        }
        finally
        {
            Interlocked.Decrement(ref _elections);
        }
    }

    /// <summary>Loads a replica that was just opened, in its turn, as long as it is open.</summary>
    /// <param name="slot">Its place.</param>
    /// <param name="acceptor">The replica.</param>
    /// <param name="onBroken">Called with the reason when its state cannot be used.</param>
    public async Task LoadAsync(ReplicaSlot slot, ReplicaAcceptor acceptor, Action<string> onBroken)
    {
        await Task.Delay(Patience, time);
        while (slot.Acceptor == acceptor && slot.Broken is null && !acceptor.Replica.IsLoaded)
        {
            await _turn.WaitAsync();
            try
            {
                for (var waited = TimeSpan.Zero; Volatile.Read(ref _elections) > 0 && waited < Patience; waited += Round)
                    await Task.Delay(Round, time);
                await Task.Run(acceptor.Load);
            }
            catch (Exception exception) when (exception is WalBrokenException or WalCorruptionException or InvalidDataException)
            {
                onBroken(exception.Message);
            }
            catch (Exception exception) when (exception is ObjectDisposedException or IOException or LogReplacedException or LogTruncatedException)
            {
                if (slot.Acceptor == acceptor)
                    ReplicaHostLog.NotOpened(logger, exception, acceptor.Replica.Range);
                await Task.Delay(Patience, time);
            }
            catch (Exception exception)
            {
                onBroken(exception.ToString()); // nobody waits for this: it would never be read or applied, without a word
            }
            finally
            {
                _turn.Release();
            }
        }
    }

    public void Dispose() => _turn.Dispose();
}
