using System.Buffers;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>Writes a payload in place.</summary>
/// <param name="payload">Room for the payload, with undefined content.</param>
/// <param name="state">What the caller passed.</param>
/// <returns>Bytes written, from the start.</returns>
public delegate int WalPayloadWriter<in TState>(Span<byte> payload, TState state)
    where TState : allows ref struct;

/// <summary>
/// Encoded records with dense LSNs, in a pooled buffer: what one append makes durable together. The bytes are those of
/// the disk and of the wire, encoded once. In front of them is room for the batch header that the log adds to the disk
/// only (see docs/formats/wal.md), so that a batch is one write without a copy. Not thread-safe; meant to be reused.
/// </summary>
public sealed class WalBatch : IDisposable
{
    /// <summary>Bound of one batch in bytes of records.</summary>
    public const int MaxBytes = 128 << 20;

    private const int InitialBytes = 4096;

    // A buffer that one large value blew up is not kept for the small ones that follow.
    private const int RetainedBytes = 4 << 20;

    private byte[] _buffer = [];
    private int _end = BatchFrame.Bytes;

    /// <summary>Number of records.</summary>
    public int Count { get; private set; }

    /// <summary>Whether there is no record.</summary>
    public bool IsEmpty => Count == 0;

    /// <summary>LSN of the first record; zero when empty.</summary>
    public Lsn First { get; private set; }

    /// <summary>LSN of the last record; zero when empty.</summary>
    public Lsn Last { get; private set; }

    /// <summary>The epoch of the first record; zero when empty.</summary>
    public Epoch FirstEpoch { get; private set; }

    /// <summary>The epoch of the last record, the largest of the batch.</summary>
    public Epoch LastEpoch { get; private set; }

    /// <summary>The largest timestamp of the batch.</summary>
    public Timestamp LargestTimestamp { get; private set; }

    /// <summary>The encoded records. Valid until the batch changes.</summary>
    public ReadOnlyMemory<byte> Bytes => _buffer.AsMemory(IsEmpty ? 0 : BatchFrame.Bytes, RecordBytes);

    internal int RecordBytes => _end - BatchFrame.Bytes;

    /// <summary>Adds a record.</summary>
    /// <exception cref="ArgumentException">The LSN is not the next one, the epoch decreases, or the payload or the batch is too long.</exception>
    public void Add(byte type, byte flags, Epoch epoch, Lsn lsn, Timestamp timestamp, ReadOnlySpan<byte> payload) =>
        Add(type, flags, epoch, lsn, timestamp, payload.Length, payload, static (destination, source) =>
        {
            source.CopyTo(destination);
            return source.Length;
        });

    /// <summary>Adds a record whose payload is written in place.</summary>
    /// <exception cref="ArgumentException">The LSN is not the next one, the epoch decreases, or the payload or the batch is too long.</exception>
    public void Add<TState>(
        byte type, byte flags, Epoch epoch, Lsn lsn, Timestamp timestamp, int maxPayloadBytes, TState state, WalPayloadWriter<TState> write)
        where TState : allows ref struct
    {
        CheckNext(lsn, epoch);
        if ((uint)maxPayloadBytes > WalRecordCodec.MaxPayloadBytes)
            throw new ArgumentException($"the payload's {maxPayloadBytes} bytes exceed the limit of {WalRecordCodec.MaxPayloadBytes}", nameof(maxPayloadBytes));
        Reserve(WalRecordCodec.EncodedBytes(maxPayloadBytes));
        var written = write(_buffer.AsSpan(_end + WalRecordCodec.HeaderBytes, maxPayloadBytes), state);
        if ((uint)written > (uint)maxPayloadBytes) throw new ArgumentException("the writer reports more than its room", nameof(write));
        var encoded = WalRecordCodec.EncodedBytes(written);
        WalRecordCodec.Seal(_buffer.AsSpan(_end, encoded), written, type, flags, epoch, lsn, timestamp);
        Accept(encoded, lsn, epoch, timestamp);
    }

    /// <summary>Adds records as they came over the wire, after checking each of them. All of them or, on an exception, none.</summary>
    /// <exception cref="ArgumentException">A record is damaged, its LSN is not the next one, or the batch would be too long.</exception>
    public void AddEncoded(ReadOnlySpan<byte> records)
    {
        var (lsn, epoch, empty) = (Last, LastEpoch, IsEmpty);
        for (var rest = records; !rest.IsEmpty;)
        {
            if (!WalRecordCodec.TryVerify(rest, out var size, out var problem)) throw new ArgumentException(problem, nameof(records));
            var (nextLsn, nextEpoch) = (WalRecordCodec.LsnOf(rest), WalRecordCodec.EpochOf(rest));
            Check(empty, lsn, epoch, nextLsn, nextEpoch);
            (lsn, epoch, empty) = (nextLsn, nextEpoch, false);
            rest = rest[size..];
        }

        AddChecked(records);
    }

    /// <summary>Adds records that <see cref="AddEncoded"/> would take: somebody has checked that already.</summary>
    internal void AddChecked(ReadOnlySpan<byte> records)
    {
        Reserve(records.Length);
        records.CopyTo(_buffer.AsSpan(_end));
        for (var rest = records; !rest.IsEmpty;)
        {
            _ = WalRecordCodec.TryReadSize(rest, out var size);
            Accept(size, WalRecordCodec.LsnOf(rest), WalRecordCodec.EpochOf(rest), WalRecordCodec.TimestampOf(rest));
            rest = rest[size..];
        }
    }

    /// <summary>Forgets the records and keeps the buffer.</summary>
    public void Clear()
    {
        if (_buffer.Length > RetainedBytes) ReturnBuffer();
        _end = BatchFrame.Bytes;
        (Count, First, Last) = (0, Lsn.Zero, Lsn.Zero);
        (FirstEpoch, LastEpoch, LargestTimestamp) = (Epoch.Zero, Epoch.Zero, Timestamp.Zero);
    }

    /// <summary>Gives the buffer back; the batch is empty then and may be used again.</summary>
    public void Dispose()
    {
        ReturnBuffer();
        Clear();
    }

    /// <summary>Header and records, with the header written for a segment.</summary>
    internal ReadOnlySpan<byte> Framed(ulong salt)
    {
        var frame = new BatchFrame(BatchFrameKind.Batch, First, Count, RecordBytes);
        frame.Encode(_buffer.AsSpan(0, BatchFrame.Bytes), salt);
        return _buffer.AsSpan(0, _end);
    }

    private static void Check(bool empty, Lsn last, Epoch lastEpoch, Lsn lsn, Epoch epoch)
    {
        if (lsn == Lsn.Zero || (!empty && lsn != last.Next)) throw new ArgumentException($"LSN {lsn} does not follow {last}", nameof(lsn));
        if (epoch < lastEpoch) throw new ArgumentException($"epoch {epoch} is below {lastEpoch}", nameof(epoch));
    }

    private void CheckNext(Lsn lsn, Epoch epoch) => Check(IsEmpty, Last, LastEpoch, lsn, epoch);

    private void ReturnBuffer()
    {
        var buffer = _buffer;
        _buffer = [];
        if (buffer.Length > 0) ArrayPool<byte>.Shared.Return(buffer);
    }

    private void Accept(int encodedBytes, Lsn lsn, Epoch epoch, Timestamp timestamp)
    {
        if (IsEmpty) (First, FirstEpoch) = (lsn, epoch);
        (Last, LastEpoch) = (lsn, epoch);
        LargestTimestamp = Timestamp.Later(LargestTimestamp, timestamp);
        Count++;
        _end += encodedBytes;
    }

    private void Reserve(int bytes)
    {
        if (bytes > MaxBytes - RecordBytes) throw new ArgumentException($"the batch would exceed {MaxBytes} bytes", nameof(bytes));
        var needed = _end + bytes;
        if (needed <= _buffer.Length) return;
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(Math.Max(needed, InitialBytes), (int)Math.Min(_buffer.Length * 2L, MaxBytes)));
        _buffer.AsSpan(0, Math.Min(_end, _buffer.Length)).CopyTo(larger);
        if (_buffer.Length > 0) ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }
}
