using System.Buffers;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>
/// Copies encoded records out of one segment through a pooled window, without an allocation per record. Only durable bytes are read, and every record is checked:
/// damage is this replica's, and is said here instead of being sent.
/// </summary>
internal sealed class EncodedReader(IWalFile file, SegmentSpan span) : IDisposable
{
    private const int WindowBytes = 64 << 10;

    private byte[] _window = [];
    private long _windowStart;
    private int _windowBytes;

    /// <summary>Copies records from <paramref name="from"/> on.</summary>
    /// <param name="from">The first one wanted.</param>
    /// <param name="room">Bytes at most; the first record comes in any case when <paramref name="atLeastOne"/>.</param>
    /// <param name="atLeastOne">Whether nothing was copied yet.</param>
    /// <param name="destination">Takes the records.</param>
    /// <param name="last">The last one copied; unchanged when there was none.</param>
    /// <param name="bytes">Bytes copied.</param>
    /// <returns>Whether there was room for all records of the segment.</returns>
    public bool Copy(Lsn from, int room, bool atLeastOne, IBufferWriter<byte> destination, ref Lsn last, out int bytes)
    {
        bytes = 0;
        for (var position = span.Start; position < span.End;)
        {
            if (!BatchFrame.TryDecode(Get(position, BatchFrame.Bytes), span.Salt, out var frame)) throw Corrupt(position, "batch header is damaged");
            position += BatchFrame.Bytes;
            var end = position + frame.RecordBytes;
            if (frame.NextLsn <= from) position = end;
            while (position < end)
            {
                var record = ReadRecord(position, end);
                var lsn = WalRecordCodec.LsnOf(record);
                position += record.Length;
                if (lsn < from) continue;
                if (record.Length > room - bytes && !(atLeastOne && bytes == 0)) return false;
                destination.Write(record);
                bytes += record.Length;
                last = lsn;
            }
        }

        return true;
    }

    public void Dispose() => ArrayPool<byte>.Shared.Return(_window);

    private ReadOnlySpan<byte> ReadRecord(long position, long end)
    {
        if (!WalRecordCodec.TryReadSize(Get(position, sizeof(uint)), out var size) || size > end - position) throw Corrupt(position, "no possible record length");
        var record = Get(position, size);
        return WalRecordCodec.TryVerify(record, out _, out var problem) ? record : throw Corrupt(position, problem);
    }

    private ReadOnlySpan<byte> Get(long position, int count)
    {
        if (position + count > span.End) throw Corrupt(position, "the log ends inside a record");
        if (position < _windowStart || position + count > _windowStart + _windowBytes)
        {
            if (_window.Length < Math.Max(count, WindowBytes))
            {
                ArrayPool<byte>.Shared.Return(_window);
                _window = ArrayPool<byte>.Shared.Rent(Math.Max(count, WindowBytes));
            }

            _windowStart = position;
            _windowBytes = file.Read(position, _window.AsSpan(0, (int)Math.Min(_window.Length, span.End - position)));
            if (_windowBytes < count) throw Corrupt(position, "the file is shorter than its log");
        }

        return _window.AsSpan((int)(position - _windowStart), count);
    }

    private WalCorruptionException Corrupt(long offset, string reason) => new(span.Path, offset, reason);
}
