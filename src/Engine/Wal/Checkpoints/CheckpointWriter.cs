using System.Buffers.Binary;
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

    private const int BufferBytes = 256 << 10;

    // Written data is synced in steps, so that the last sync (and with it the log's, on the same disk) never waits for a whole state.
    private const int SyncStepBytes = 4 << 20;

    private readonly CheckpointStore _store;
    private readonly string _temporary;
    private readonly IWalFile _file;
    private readonly byte[] _buffer = new byte[BufferBytes];
    private int _buffered;
    private long _position;
    private long _syncedPosition;
    private long _blocks;
    private long _blockBytes;
    private bool _finished;

    internal CheckpointWriter(CheckpointStore store, CheckpointHeader header, long mark)
    {
        _store = store;
        Lsn = header.Lsn;
        Mark = mark;
        _temporary = store.PathOf(header.Lsn) + WalFileNames.TemporarySuffix;
        _file = store.FileSystem.Create(_temporary);
        var bytes = new byte[header.Bytes];
        header.Encode(bytes);
        Append(bytes);
    }

    /// <summary>The state holds every record up to and including this one.</summary>
    public Lsn Lsn { get; }

    /// <summary>Bytes of file so far.</summary>
    public long Bytes => _position + _buffered;

    /// <summary>The log's byte count when this checkpoint began.</summary>
    internal long Mark { get; }

    /// <summary>Appends one block of the state: 1 to <see cref="MaxBlockBytes"/> bytes.</summary>
    /// <exception cref="DiskFullException">There is no room; the checkpoint is abandoned and the log goes on.</exception>
    /// <exception cref="WalBrokenException">Writing failed otherwise.</exception>
    public void WriteBlock(ReadOnlySpan<byte> block)
    {
        if (block.IsEmpty || block.Length > MaxBlockBytes) throw new ArgumentException($"a block has 1 to {MaxBlockBytes} bytes, not {block.Length}", nameof(block));
        Span<byte> header = stackalloc byte[CheckpointFooter.BlockHeaderBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(header, (uint)block.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(header[4..], CheckpointFooter.BlockCrc(_blocks, block));
        Append(header);
        Append(block);
        _blocks++;
        _blockBytes += block.Length;
    }

    /// <summary>
    /// Makes the checkpoint durable and visible: sync, rename, sync of the directory; then deletes all but the newest two.
    /// </summary>
    /// <exception cref="DiskFullException">There is no room; the checkpoint is abandoned and the log goes on.</exception>
    /// <exception cref="WalBrokenException">Writing failed otherwise.</exception>
    public void Commit()
    {
        ObjectDisposedException.ThrowIf(_finished, this);
        Span<byte> footer = stackalloc byte[CheckpointFooter.Bytes];
        new CheckpointFooter(_blocks, _blockBytes, Lsn).Encode(footer);
        Append(footer);
        Guarded(() =>
        {
            FlushBuffer();
            _file.Sync();
        });
        _finished = true;
        _file.Dispose();
        _store.Publish(this, _temporary);
    }

    /// <summary>Abandons what was not committed.</summary>
    public void Dispose()
    {
        if (!_finished) Abandon();
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        ObjectDisposedException.ThrowIf(_finished, this);
        while (!bytes.IsEmpty)
        {
            var count = Math.Min(bytes.Length, BufferBytes - _buffered);
            bytes[..count].CopyTo(_buffer.AsSpan(_buffered));
            _buffered += count;
            bytes = bytes[count..];
            if (_buffered == BufferBytes) Guarded(FlushBuffer);
        }
    }

    private void FlushBuffer()
    {
        _file.Write(_position, _buffer.AsSpan(0, _buffered));
        _position += _buffered;
        _buffered = 0;
        if (_position - _syncedPosition < SyncStepBytes) return;
        _file.SyncData();
        _syncedPosition = _position;
    }

    private void Guarded(Action write)
    {
        try
        {
            write();
        }
        catch (DiskFullException)
        {
            Abandon();
            throw;
        }
        catch (Exception exception)
        {
            _finished = true;
            _file.Dispose();
            throw _store.Broken("writing a checkpoint failed", exception);
        }
    }

    private void Abandon()
    {
        _finished = true;
        _file.Dispose();
        _store.Abandon(_temporary);
    }
}
