using System.Buffers;
using System.Buffers.Binary;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>Why a checkpoint was passed over.</summary>
/// <param name="File">Its file.</param>
/// <param name="Reason">What is wrong with it.</param>
public sealed record InvalidCheckpoint(string File, string Reason);

/// <summary>
/// A checkpoint whose every block was verified when it was opened. It keeps its file open, so it may be read while newer ones replace it.
/// </summary>
public sealed class CheckpointReader : IDisposable
{
    private readonly IWalFile _file;
    private readonly CheckpointHeader _header;
    private readonly CheckpointFooter _footer;
    private readonly IReadOnlyList<long> _positions;

    private CheckpointReader(IWalFile file, CheckpointHeader header, CheckpointFooter footer, IReadOnlyList<long> positions)
    {
        _positions = positions;
        _file = file;
        _header = header;
        _footer = footer;
    }

    /// <summary>The state holds every record up to and including this one; replay begins at the next.</summary>
    public Lsn Lsn => _header.Lsn;

    /// <summary>The epoch of the record at <see cref="Lsn"/>.</summary>
    public Epoch Epoch => _header.Epoch;

    /// <summary>
    /// No record up to <see cref="Lsn"/> has a larger timestamp. Stored with the checkpoint; for one of format version 1 it is the
    /// log's largest when the checkpoint was opened.
    /// </summary>
    public Timestamp Timestamp => _header.Timestamp ?? LargestOfLog;

    /// <summary>What the owner passed when the checkpoint began.</summary>
    public ReadOnlyMemory<byte> Meta => _header.Meta;

    /// <summary>Number of blocks.</summary>
    public long BlockCount => _footer.Blocks;

    /// <summary>Bytes of all blocks.</summary>
    public long BlockBytes => _footer.BlockBytes;

    /// <summary>Newer checkpoints that were invalid, so that this one had to serve; empty normally.</summary>
    public IReadOnlyList<InvalidCheckpoint> PassedOver { get; internal init; } = [];

    /// <summary>Stands in for a timestamp that is not stored.</summary>
    internal Timestamp LargestOfLog { get; set; }

    /// <summary>Reads one block, in any order; may be called from several threads.</summary>
    /// <param name="number">From 0.</param>
    /// <returns>A new array.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such block.</exception>
    /// <exception cref="WalCorruptionException">The block is damaged (it was not when the checkpoint was opened).</exception>
    public byte[] ReadBlock(long number)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(number, _positions.Count);
        var buffer = Array.Empty<byte>();
        try
        {
            var position = _positions[(int)number];
            var problem = TryReadBlock(_file, position, number, ref buffer, out var length);
            return problem.Length == 0 ? buffer.AsSpan(0, length).ToArray() : throw new WalCorruptionException(_file.Path, position, problem);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>The blocks in order. Each is valid until the next one is taken.</summary>
    /// <exception cref="WalCorruptionException">A block is damaged (it was not when the checkpoint was opened).</exception>
    public IEnumerable<ReadOnlyMemory<byte>> ReadBlocks()
    {
        var buffer = Array.Empty<byte>();
        var position = (long)_header.Bytes;
        try
        {
            for (var number = 0L; number < _footer.Blocks; number++)
            {
                var problem = TryReadBlock(_file, position, number, ref buffer, out var length);
                if (problem.Length > 0) throw new WalCorruptionException(_file.Path, position, problem);
                yield return buffer.AsMemory(0, length);
                position += CheckpointFooter.BlockHeaderBytes + length;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    /// <summary>Opens a checkpoint after checking header and footer, and with <paramref name="verifyBlocks"/> every block.</summary>
    /// <exception cref="UnknownFormatException">A newer program wrote it: the older one beside it must not be taken for the newest state.</exception>
    internal static CheckpointReader? TryOpen(
        IWalFileSystem fileSystem, string path, RangeId range, Guid incarnation, IReadOnlyList<InvalidCheckpoint> passedOver, bool verifyBlocks, out string problem)
    {
        IWalFile file;
        try
        {
            file = fileSystem.OpenRead(path);
        }
        catch (FileNotFoundException)
        {
            problem = "it is missing";
            return null;
        }

        List<long> positions = [];
        CheckpointReader? reader = null;
        try
        {
            if (TryCheck(file, range, incarnation, verifyBlocks ? positions : null, out var header, out var footer, out problem))
                reader = new(file, header, footer, positions) { PassedOver = passedOver };
            return reader;
        }
        finally
        {
            if (reader is null) file.Dispose();
        }
    }

    private static bool TryCheck(
        IWalFile file, RangeId range, Guid incarnation, List<long>? positions, out CheckpointHeader header, out CheckpointFooter footer, out string problem)
    {
        footer = default;
        if (!CheckpointHeader.TryRead(file, out header, out problem, out var newer)) return newer is { } version ? throw new UnknownFormatException(file.Path, version) : false;
        if (header.Range != range || header.Incarnation != incarnation) problem = $"it belongs to range {header.Range}, incarnation {header.Incarnation}";
        else if (!IsNameOf(Path.GetFileName(file.Path), header.Lsn)) problem = "the LSN of its header is not that of its name";
        else if (!TryReadFooter(file, header, out footer)) problem = "checkpoint footer is damaged";
        else if (positions is not null) problem = CheckBlocks(file, header, footer, positions);
        return problem.Length == 0;
    }

    private static bool IsNameOf(string name, Lsn lsn) =>
        name == WalFileNames.InstallCheckpoint || (WalFileNames.TryParseCheckpoint(name, out var named) && named == lsn);

    private static bool TryReadFooter(IWalFile file, CheckpointHeader header, out CheckpointFooter footer)
    {
        footer = default;
        var bytes = new byte[CheckpointFooter.Bytes];
        var start = file.Length - bytes.Length;
        return start >= header.Bytes
            && file.Read(start, bytes) == bytes.Length
            && CheckpointFooter.TryDecode(bytes, out footer)
            && footer.Lsn == header.Lsn
            && header.Bytes + (footer.Blocks * CheckpointFooter.BlockHeaderBytes) + footer.BlockBytes == start;
    }

    private static string CheckBlocks(IWalFile file, CheckpointHeader header, CheckpointFooter footer, List<long> positions)
    {
        var buffer = Array.Empty<byte>();
        var position = (long)header.Bytes;
        try
        {
            for (var number = 0L; number < footer.Blocks; number++)
            {
                var problem = TryReadBlock(file, position, number, ref buffer, out var length);
                if (problem.Length > 0) return $"{problem} at offset {position}";
                positions.Add(position);
                position += CheckpointFooter.BlockHeaderBytes + length;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return position == file.Length - CheckpointFooter.Bytes ? "" : "blocks do not fill the checkpoint";
    }

    private static string TryReadBlock(IWalFile file, long position, long number, ref byte[] buffer, out int length)
    {
        Span<byte> header = stackalloc byte[CheckpointFooter.BlockHeaderBytes];
        length = 0;
        if (file.Read(position, header) != header.Length) return "the file ends inside a block";
        var announced = BinaryPrimitives.ReadUInt32LittleEndian(header);
        if (announced is 0 or > CheckpointWriter.MaxBlockBytes) return "no possible block length";
        length = (int)announced;
        if (buffer.Length < length)
        {
            ArrayPool<byte>.Shared.Return(buffer);
            buffer = ArrayPool<byte>.Shared.Rent(length);
        }

        var block = buffer.AsSpan(0, length);
        if (file.Read(position + header.Length, block) != length) return "the file ends inside a block";
        return BinaryPrimitives.ReadUInt32LittleEndian(header[4..]) == CheckpointFooter.BlockCrc(number, block) ? "" : "block checksum does not match";
    }
}
