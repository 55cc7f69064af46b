using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>
/// Writes one checkpoint in slices, between other work of the replica. It becomes visible, durably, with <see cref="Commit"/>;
/// disposed before that, or after a crash, it never existed. One at a time per log. Not thread-safe, but free to run beside appends.
/// </summary>
public sealed class CheckpointWriter : IDisposable
{
    /// <summary>Bound of one block.</summary>
    public const int MaxBlockBytes = 64 << 20;

    private readonly CheckpointStore _store;
    private readonly string _temporary;
    private readonly CheckpointFileWriter _file;
    private readonly CheckpointPace? _pace;
    private bool _finished;

    internal CheckpointWriter(CheckpointStore store, CheckpointHeader header, CheckpointOrigin origin, CheckpointPace? pace)
    {
        _store = store;
        Lsn = header.Lsn;
        Origin = origin;
        _pace = pace;
        _temporary = store.PathOf(header.Lsn) + WalFileNames.TemporarySuffix;
        _file = new(store.FileSystem, _temporary, header, pace is null ? CheckpointFileWriter.SyncStepBytes : CheckpointFileWriter.PacedSyncStepBytes);
    }

    /// <summary>The state holds every record up to and including this one.</summary>
    public Lsn Lsn { get; }

    /// <summary>Bytes of file so far.</summary>
    public long Bytes => _file.Bytes;

    /// <summary>The log as it was when this checkpoint began.</summary>
    internal CheckpointOrigin Origin { get; }

    /// <summary>Appends one block of the state: 1 to <see cref="MaxBlockBytes"/> bytes. Blocks for the disk, and for the pace that it was begun with.</summary>
    /// <exception cref="DiskFullException">There is no room; the checkpoint is abandoned and the log goes on.</exception>
    /// <exception cref="WalBrokenException">Writing failed otherwise.</exception>
    public void WriteBlock(ReadOnlySpan<byte> block)
    {
        CheckpointFileWriter.CheckBlock(block);
        ObjectDisposedException.ThrowIf(_finished, this);
        try
        {
            _file.WriteBlock(block);
        }
        catch (Exception exception)
        {
            throw Failed(exception);
        }

        _pace?.Written(_file.Bytes);
    }

    /// <summary>
    /// Makes the checkpoint durable and visible: sync, rename, sync of the directory; then deletes all but the newest two.
    /// </summary>
    /// <exception cref="DiskFullException">There is no room; the checkpoint is abandoned and the log goes on.</exception>
    /// <exception cref="LogReplacedException">A snapshot was installed meanwhile: the checkpoint is of a state that is gone, and is abandoned.</exception>
    /// <exception cref="WalBrokenException">Writing failed otherwise.</exception>
    public void Commit()
    {
        ObjectDisposedException.ThrowIf(_finished, this);
        try
        {
            _file.Finish();
        }
        catch (Exception exception)
        {
            throw Failed(exception);
        }

        _finished = true;
        _store.Publish(this, _temporary);
    }

    /// <summary>Abandons what was not committed.</summary>
    public void Dispose()
    {
        if (!_finished) Abandon();
    }

    /// <summary>The exception to throw, after what it means for checkpoint and log was done.</summary>
    private Exception Failed(Exception exception)
    {
        if (exception is DiskFullException)
        {
            Abandon();
            return exception;
        }

        _finished = true;
        _file.Dispose();
        return _store.Broken("writing a checkpoint failed", exception);
    }

    private void Abandon()
    {
        _finished = true;
        _file.Dispose();
        _store.Abandon(_temporary);
    }
}
