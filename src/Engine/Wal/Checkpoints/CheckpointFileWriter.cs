using System.Buffers.Binary;

namespace GrainDb.Engine.Wal;

/// <summary>Writes the bytes of one checkpoint file. What a failed write means, and under which name the file counts, its owner decides. Not thread-safe.</summary>
internal sealed class CheckpointFileWriter : IDisposable
{
    private const int BufferBytes = 256 << 10;

    /// <summary>Written data is synced in steps, so that neither the last sync nor a log's on the same disk waits for much of a state.</summary>
    public const int SyncStepBytes = 4 << 20;

    /// <summary>The same of one that is written at a pace: the log's syncs come first.</summary>
    public const int PacedSyncStepBytes = 1 << 20;

    private readonly CheckpointHeader _header;
    private readonly int _syncStepBytes;
    private readonly IWalFile _file;
    private readonly byte[] _buffer = new byte[BufferBytes];
    private int _buffered;
    private long _position;
    private long _syncedPosition;
    private long _blockBytes;

    public CheckpointFileWriter(IWalFileSystem fileSystem, string path, CheckpointHeader header, int syncStepBytes)
    {
        _header = header;
        _syncStepBytes = syncStepBytes;
        var bytes = new byte[header.Bytes];
        header.Encode(bytes);
        _file = fileSystem.Create(path);
        try
        {
            Append(bytes);
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    /// <summary>Bytes of file so far.</summary>
    public long Bytes => _position + _buffered;

    /// <summary>Blocks so far.</summary>
    public long Blocks { get; private set; }

    /// <summary>Writes one block that <see cref="CheckBlock"/> accepts.</summary>
    public void WriteBlock(ReadOnlySpan<byte> block)
    {
        Span<byte> header = stackalloc byte[CheckpointFooter.BlockHeaderBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(header, (uint)block.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(header[4..], CheckpointFooter.BlockCrc(Blocks, block));
        Append(header);
        Append(block);
        Blocks++;
        _blockBytes += block.Length;
    }

    /// <summary>Writes the end of the file, makes its content durable and closes it.</summary>
    public void Finish()
    {
        Span<byte> footer = stackalloc byte[CheckpointFooter.Bytes];
        new CheckpointFooter(Blocks, _blockBytes, _header.Lsn).Encode(footer);
        Append(footer);
        FlushBuffer();
        _file.Sync();
        _file.Dispose();
    }

    public void Dispose() => _file.Dispose();

    /// <summary>Refuses what is no block before anything of it is written.</summary>
    public static void CheckBlock(ReadOnlySpan<byte> block)
    {
        if (block.IsEmpty || block.Length > CheckpointWriter.MaxBlockBytes)
            throw new ArgumentException($"a block has 1 to {CheckpointWriter.MaxBlockBytes} bytes, not {block.Length}", nameof(block));
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var count = Math.Min(bytes.Length, BufferBytes - _buffered);
            bytes[..count].CopyTo(_buffer.AsSpan(_buffered));
            _buffered += count;
            bytes = bytes[count..];
            if (_buffered == BufferBytes) FlushBuffer();
        }
    }

    private void FlushBuffer()
    {
        _file.Write(_position, _buffer.AsSpan(0, _buffered));
        _position += _buffered;
        _buffered = 0;
        if (_position - _syncedPosition < _syncStepBytes) return;
        _file.SyncData();
        _syncedPosition = _position;
    }
}
