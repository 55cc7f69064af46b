using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Replication;

/// <summary>
/// The newest records of a follower's log, kept in memory until they are applied, so that applying need not read the file again. A cache: what
/// is not here is read from the log. The owner synchronizes.
/// </summary>
internal sealed class UnappliedRecords
{
    private readonly Queue<Chunk> _chunks = new();
    private long _bytes;

    private readonly record struct Chunk(Lsn First, Lsn Last, ReadOnlyMemory<byte> Records);

    public void Add(Lsn first, Lsn last, ReadOnlyMemory<byte> records, int maxBytes)
    {
        if (_bytes + records.Length > maxBytes || (_chunks.Count > 0 && LastLsn.Next != first))
            Clear();
        if (records.Length > maxBytes)
            return;
        _chunks.Enqueue(new Chunk(first, last, records));
        _bytes += records.Length;
        LastLsn = last;
    }

    /// <summary>Records from an LSN to the end of the log.</summary>
    public IEnumerable<WalRecord> From(Lsn from, WriteAheadLog log) =>
        _chunks.TryPeek(out var oldest) && oldest.First <= from && LastLsn == log.LastLsn
            ? _chunks.SkipWhile(chunk => chunk.Last < from).SelectMany(chunk => LogWindow.Enumerate(chunk.Records)).SkipWhile(record => record.Lsn < from)
            : log.ReplayFrom(from);

    public void Applied(Lsn lsn)
    {
        while (_chunks.TryPeek(out var oldest) && oldest.Last <= lsn)
            _bytes -= _chunks.Dequeue().Records.Length;
    }

    /// <summary>Simply forgets everything: it is rare.</summary>
    public void TruncateSuffix(Lsn from)
    {
        if (_chunks.Count > 0 && from <= LastLsn)
            Clear();
    }

    private Lsn LastLsn { get; set; }

    private void Clear()
    {
        _chunks.Clear();
        _bytes = 0;
    }
}
