using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>
/// Writes a checkpoint that came from another replica, block by block, and puts it in the place of the whole log. Nothing of it counts, now or after a crash, before
/// <see cref="Commit"/>; disposed before that it leaves nothing behind. Not thread-safe, but the writing is free to run beside appends.
/// </summary>
public sealed class SnapshotInstall : IDisposable
{
    private readonly WriteAheadLog _log;
    private bool _finished;

    internal SnapshotInstall(WriteAheadLog log, IWalFileSystem fileSystem, CheckpointHeader header, Timestamp timestamp)
    {
        _log = log;
        Header = header;
        Timestamp = timestamp;
        File = new(fileSystem, SnapshotSwitch.CheckpointIn(log.Directory) + WalFileNames.TemporarySuffix, header, CheckpointFileWriter.SyncStepBytes);
    }

    /// <summary>The state holds every record up to and including this one.</summary>
    public Lsn Lsn => Header.Lsn;

    /// <summary>The epoch of that record.</summary>
    public Epoch Epoch => Header.Epoch;

    /// <summary>No record up to it has a larger one.</summary>
    public Timestamp Timestamp { get; }

    /// <summary>Blocks written so far: the number of the one that is wanted next.</summary>
    public long BlockCount => File.Blocks;

    internal CheckpointHeader Header { get; }

    internal CheckpointFileWriter File { get; }

    /// <summary>Appends one block of the state, as <see cref="CheckpointReader.ReadBlock"/> gave it: 1 to <see cref="CheckpointWriter.MaxBlockBytes"/> bytes.</summary>
    /// <exception cref="DiskFullException">There is no room; the snapshot is abandoned and the log goes on.</exception>
    /// <exception cref="WalBrokenException">Writing failed otherwise.</exception>
    public void WriteBlock(ReadOnlySpan<byte> block)
    {
        CheckpointFileWriter.CheckBlock(block);
        ObjectDisposedException.ThrowIf(_finished, this);
        try
        {
            File.WriteBlock(block);
        }
        catch (Exception exception)
        {
            Close();
            throw _log.InstallFailed(exception);
        }
    }

    /// <summary>
    /// Replaces the log, durably: it is empty then, continues after <see cref="Lsn"/>, and has this one checkpoint. The records of before are gone, also those beyond
    /// <see cref="Lsn"/>. Follows the rule for appenders: no append may run beside it.
    /// </summary>
    /// <exception cref="DiskFullException">There is no room; the snapshot is abandoned and the log goes on.</exception>
    /// <exception cref="WalBrokenException">The log is broken, now or before. A restart finds the old state or the new one, either whole.</exception>
    /// <exception cref="InvalidOperationException">The log is being changed by another caller; nothing happened, and it may be tried again.</exception>
    public void Commit()
    {
        ObjectDisposedException.ThrowIf(_finished, this);
        _log.CommitInstall(this);
    }

    /// <summary>Abandons what was not committed.</summary>
    public void Dispose()
    {
        if (_finished) return;
        Close();
        _log.AbandonInstall();
    }

    /// <summary>From here on the log answers for the files.</summary>
    internal void Close()
    {
        _finished = true;
        File.Dispose();
    }
}
