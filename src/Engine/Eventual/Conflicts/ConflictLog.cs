using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// The newest conflicts that one replica saw end, oldest first, within bounds of number and bytes; the oldest go first. Each has the LSN of its record, so that replaying
/// a log adds none twice. Not thread-safe.
/// </summary>
internal sealed class ConflictLog
{
    /// <summary>Most conflicts kept.</summary>
    public const int MaxRecords = 1024;

    /// <summary>Most bytes kept.</summary>
    public const int MaxBytes = 4 << 20;

    private readonly LinkedList<(Lsn Lsn, byte[] Encoded)> _kept = [];
    private long _bytes;

    /// <summary>Conflicts since the replica was created, those before the last restart that are not kept any more aside.</summary>
    public long Total { get; private set; }

    /// <summary>What is kept, with the LSNs of the records.</summary>
    public IEnumerable<(Lsn Lsn, byte[] Encoded)> Kept => _kept;

    public void Add(Lsn lsn, byte[] encoded)
    {
        if (_kept.Last is { Value.Lsn: var last } && lsn <= last)
            return;
        Total++;
        _kept.AddLast((lsn, encoded));
        _bytes += encoded.Length;
        while (_kept.Count > MaxRecords || (_bytes > MaxBytes && _kept.Count > 1))
        {
            _bytes -= _kept.First!.Value.Encoded.Length;
            _kept.RemoveFirst();
        }
    }

    /// <summary>Whether a conflict of a key is kept that a write ended.</summary>
    public bool Has(ReadOnlyMemory<byte> key, Dot winner) => _kept.Any(kept => Is(kept.Encoded, key, winner));

    /// <summary>Lets go of the conflicts of a key that a write ended, as far as they were there before a record.</summary>
    public void Dismiss(Lsn lsn, ReadOnlyMemory<byte> key, Dot winner)
    {
        for (var node = _kept.First; node is not null;)
        {
            var next = node.Next;
            if (node.Value.Lsn < lsn && Is(node.Value.Encoded, key, winner))
            {
                _bytes -= node.Value.Encoded.Length;
                _kept.Remove(node);
            }

            node = next;
        }
    }

    /// <summary>A page, oldest first.</summary>
    /// <param name="after">Only those behind this LSN.</param>
    /// <param name="limit">At most so many.</param>
    public IReadOnlyList<(Lsn Lsn, ConflictRecord Record)> Page(Lsn after, int limit) =>
        [.. _kept.Where(kept => kept.Lsn > after).Take(limit).Select(kept => (kept.Lsn, ConflictRecordCodec.Decode(kept.Encoded)))];

    private static bool Is(byte[] encoded, ReadOnlyMemory<byte> key, Dot winner)
    {
        var record = ConflictRecordCodec.Decode(encoded);
        return record.Winner == winner && record.Key.Span.SequenceEqual(key.Span);
    }
}
