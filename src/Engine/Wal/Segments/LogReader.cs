using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>The part of one segment that a reader may look at: a snapshot of what was durable when it began.</summary>
internal readonly record struct SegmentSpan(string Path, ulong Salt, long Start, long End);

/// <summary>
/// Reads records back in chunks. Every chunk is a new array, so a record's payload stays valid as long as somebody holds it.
/// Only durable bytes are read, so damage here is corruption whatever its place.
/// </summary>
internal sealed class LogReader(IWalFile file, SegmentSpan span)
{
    // Below the size from which arrays live in the large object heap.
    private const int ChunkBytes = 64 << 10;

    private ReadOnlyMemory<byte> _chunk;
    private long _chunkStart;

    public IEnumerable<WalRecord> Read(Lsn from)
    {
        for (var position = span.Start; position < span.End;)
        {
            var header = Get(position, BatchFrame.Bytes);
            if (!BatchFrame.TryDecode(header.Span, span.Salt, out var frame)) throw Corrupt(position, "batch header is damaged");
            position += BatchFrame.Bytes;
            var end = position + frame.RecordBytes;
            if (frame.NextLsn <= from) position = end;
            while (position < end)
            {
                var record = ReadRecord(position, end, out var size);
                position += size;
                if (record.Lsn >= from) yield return record;
            }
        }
    }

    private WalRecord ReadRecord(long position, long end, out int size)
    {
        if (!WalRecordCodec.TryReadSize(Get(position, sizeof(uint)).Span, out size) || size > end - position) throw Corrupt(position, "no possible record length");
        return WalRecordCodec.TryDecode(Get(position, size), out var record, out _, out var problem) ? record : throw Corrupt(position, problem);
    }

    private ReadOnlyMemory<byte> Get(long position, int count)
    {
        if (position + count > span.End) throw Corrupt(position, "the log ends inside a record");
        if (position < _chunkStart || position + count > _chunkStart + _chunk.Length)
        {
            var array = new byte[Math.Min(Math.Max(count, ChunkBytes), span.End - position)];
            _chunk = array.AsMemory(0, file.Read(position, array));
            _chunkStart = position;
            if (_chunk.Length < count) throw Corrupt(position, "the file is shorter than its log");
        }

        return _chunk.Slice((int)(position - _chunkStart), count);
    }

    private WalCorruptionException Corrupt(long offset, string reason) => new(span.Path, offset, reason);
}
