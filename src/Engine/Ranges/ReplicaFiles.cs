using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Ranges;

/// <summary>What the files of a replica that is not open tell of its promise, and what becomes of them when they are damaged. See docs/adr/0015-opened-again.md.</summary>
public static class ReplicaFiles
{
    /// <summary>Before the first leader: any epoch may be promised.</summary>
    internal static readonly HardState NoPromise = new(Epoch.Zero, "", Guid.Empty, (byte)ReplicaState.Member, default);

    /// <summary>
    /// Puts a damaged log and its checkpoints aside, so that peers can fill the replica again under the same id: what it promised is kept, and
    /// it has no vote until a leader says so. The files stay, under other names, until it votes again: what nobody else has may be in them. Durable, and to be called again after a crash in the middle.
    /// </summary>
    /// <returns>False, and nothing was changed: its promise is lost or damaged as well, so nothing under this id may ever vote again.</returns>
    /// <exception cref="UnknownFormatException">A newer program wrote a file: nothing was changed.</exception>
    /// <exception cref="WalIOException">A file cannot be read or written.</exception>
    public static bool TryDiscardDamaged(RangeReplicaOptions options, IWalFileSystem files)
    {
        ArgumentNullException.ThrowIfNull(options);
        try
        {
            var file = HardStateFile.Open(files, options.Directory, options.Range, options.Incarnation);
            if (file.Read() is not { } promise || IsPromiseLost(options, files, promise))
                return false;
            file.Write(promise with { ReplicaState = (byte)ReplicaState.Recovering });
        }
        catch (WalCorruptionException exception) when (exception is not UnknownFormatException)
        {
            return false;
        }

        WriteAheadLog.DiscardDamaged(files, options.Directory, options.Range, options.Incarnation);
        return true;
    }

    /// <summary>The epoch that a replica has promised, read beside whatever is done with it; zero before its first promise, and where that cannot be told any more.</summary>
    /// <exception cref="WalIOException">A file cannot be read.</exception>
    public static Epoch ReadPromisedEpoch(RangeReplicaOptions options, IWalFileSystem files)
    {
        ArgumentNullException.ThrowIfNull(options);
        return (HardStateFile.Peek(files, options.Directory, options.Range, options.Incarnation) ?? NoPromise).PromisedEpoch;
    }

    /// <summary>Whether a log that can still be read is ahead of the promise.</summary>
    private static bool IsPromiseLost(RangeReplicaOptions options, IWalFileSystem files, HardState promise)
    {
        try
        {
            using var log = WriteAheadLog.Open(options.Wal, files, options.Directory, options.Range, options.Incarnation);
            return WhyPromiseIsLost(log, promise) is not null;
        }
        catch (WalCorruptionException exception) when (exception is not UnknownFormatException)
        {
            return false; // it says nothing any more
        }
    }

    /// <summary>
    /// A record is written under a promise of its epoch, or a higher one, that was durable before. So a log that is ahead of the promise tells that the promise is not the
    /// last one: its files were deleted, or are older ones.
    /// </summary>
    internal static string? WhyPromiseIsLost(WriteAheadLog log, HardState promise) => promise == NoPromise && log.HasAside ? "a damaged log was put aside, and there is no hard state"
        : log.LastEpoch > promise.PromisedEpoch
        ? $"the log ends in epoch {log.LastEpoch}, and the hard state promises {promise.PromisedEpoch}: the last promise is lost"
        : null;
}
