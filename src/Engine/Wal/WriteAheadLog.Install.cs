using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <content>What replaces the log as a whole: a snapshot of another replica, or nothing.</content>
public sealed partial class WriteAheadLog
{
    private int _installing;

    /// <summary>
    /// Begins to write a checkpoint that came from another replica and that will take the place of this log and all its checkpoints: of
    /// records that the log ends before, and of those that it has and that conflict. Until <see cref="SnapshotInstall.Commit"/> the log goes on as it is.
    /// One at a time.
    /// </summary>
    /// <param name="lsn">The state holds every record up to and including it; not zero.</param>
    /// <param name="epoch">The epoch of that record.</param>
    /// <param name="timestamp">No record up to it has a larger one.</param>
    /// <param name="meta">The owner's description of the state, at most 16 MiB.</param>
    /// <exception cref="ArgumentException">The LSN is zero, or the meta is too long.</exception>
    /// <exception cref="InvalidOperationException">Another one is being written; dispose it first.</exception>
    /// <exception cref="DiskFullException">There is no room; the log goes on.</exception>
    /// <exception cref="WalBrokenException">The log is broken, now or before.</exception>
    public SnapshotInstall BeginInstall(Lsn lsn, Epoch epoch, Timestamp timestamp, ReadOnlyMemory<byte> meta)
    {
        ThrowIfBroken();
        if (lsn == Lsn.Zero) throw new ArgumentException("the state before the first record is no snapshot", nameof(lsn));
        var header = _checkpoints.Header(lsn, epoch, timestamp, meta.Span);
        if (Interlocked.Exchange(ref _installing, 1) != 0) throw new InvalidOperationException("a snapshot is being installed already");
        try
        {
            return new(this, _files.FileSystem, header, timestamp);
        }
        catch (Exception exception)
        {
            throw InstallFailed(exception);
        }
    }

    /// <summary>
    /// Puts a damaged log and its checkpoints aside, so that <see cref="Open"/> creates an empty log of the same replica, to be filled by its peers. Hard states stay: the replica keeps
    /// its promise. What it acknowledged is forgotten, so the owner notes first, durably in the hard state, that the replica recovers and has no vote. The log
    /// must not be open. A crash leaves the damaged log or an empty one, and what was interrupted is completed by <see cref="Open"/>.
    /// </summary>
    /// <param name="fs">The files.</param>
    /// <param name="directory">The replica's own directory.</param>
    /// <param name="range">The range.</param>
    /// <param name="incarnation">The replica's incarnation.</param>
    /// <exception cref="WalCorruptionException">The hard state is missing or damaged too: this replica cannot be rebuilt under its id. Nothing was removed.</exception>
    /// <exception cref="DiskFullException">There is no room to note the intent; nothing was removed.</exception>
    /// <exception cref="WalIOException">A system call failed. It may be tried again.</exception>
    public static void DiscardDamaged(IWalFileSystem fs, string directory, RangeId range, Guid incarnation)
    {
        ArgumentNullException.ThrowIfNull(fs);
        if (HardStateFile.Open(fs, directory, range, incarnation).Read() is null)
            throw new WalCorruptionException(directory, 0, "there is no hard state, so what the replica promised is not known");
        LogDiscard.Run(fs, directory, range, incarnation);
    }

    /// <summary>Whether there is something that <see cref="DiscardDamaged"/> put aside.</summary>
    internal bool HasAside => LogDiscard.HasAside(_files.FileSystem, Directory);

    /// <summary>Deletes what <see cref="DiscardDamaged"/> put aside. May be repeated.</summary>
    /// <exception cref="WalIOException">A system call failed. It may be tried again.</exception>
    internal void DropAside()
    {
        if (HasAside) LogDiscard.DropAside(_files.FileSystem, Directory);
    }

    /// <summary>Puts a completely written snapshot in the place of the log.</summary>
    internal void CommitInstall(SnapshotInstall install)
    {
        using var only = EnterAppender();
        ThrowIfBroken();
        var header = install.Header;
        Segment fresh;
        try
        {
            install.File.Finish();
            install.Close();
            fresh = SnapshotSwitch.CreateSegment(_files, header, install.Timestamp, _options.FirstSegmentBytes);
        }
        catch (Exception exception)
        {
            install.Close();
            throw InstallFailed(exception);
        }

        lock (_removing)
        {
            try
            {
                SnapshotSwitch.Decide(_files);
                Interlocked.Increment(ref _replacements); // readers under way stop here
                _file.Dispose();
                SnapshotSwitch.Complete(_files, header.Lsn);
                _file = _files.FileSystem.Open(fresh.Path);
            }
            catch (Exception exception)
            {
                throw Break("installing a snapshot failed", exception); // a restart finds the old log or completes the new one
            }

            _active = fresh;
            _markedClosed = false;
            _checkpoints.Installed(header.Lsn, install.File.Bytes);
            lock (_gate)
            {
                _segments.Clear();
                _segments.Add(fresh);
                (_lastLsn, _lastEpoch, _lastTimestamp) = (header.Lsn, header.Epoch, install.Timestamp);
                _appendedBytes = _checkpointedBytes = fresh.End;
                (_onReserve, _activeIsOfReserve, _status, _statusReason) = (false, false, WalStatus.Healthy, "");
                Interlocked.Increment(ref _replacements);
            }
        }

        Volatile.Write(ref _installing, 0);
    }

    internal void AbandonInstall()
    {
        SnapshotSwitch.RemoveUndecided(_files.FileSystem, Directory);
        Volatile.Write(ref _installing, 0);
    }

    /// <summary>The exception to throw for a failure before the decision, after what it means for the log was done.</summary>
    internal Exception InstallFailed(Exception exception)
    {
        if (exception is not DiskFullException) return Break("writing a snapshot failed", exception);
        AbandonInstall();
        return exception;
    }
}
