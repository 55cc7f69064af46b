using GrainDb.Engine.Mvcc;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Ranges;

/// <summary>
/// What a reader must not overlook: intents that may be committed below its snapshot, and, for a transaction, versions a little above it that may have been acknowledged before it
/// began, by a node whose clock runs ahead. Everything here runs under the gate.
/// </summary>
public sealed partial class RangeLeader
{
    private Timestamp _startTimestamp;

    /// <summary>
    /// An intent prepared up to here may become a version at the snapshot or below, or be acknowledged already. One that is not applied yet is not: nobody was told that it is prepared.
    /// </summary>
    private Timestamp IntentsUpTo(Timestamp at, TransactionReader? reader) => reader is null ? at : Timestamp.Later(at, UncertainUpTo(reader));

    /// <summary>
    /// A version that was written or prepared here up to this reading of the local clock may have been acknowledged before the transaction began. After the transaction's first
    /// contact with this node the reading of then bounds it, but not below the beginning of this leadership: what came before was stamped by another clock.
    /// </summary>
    private Timestamp UncertainUpTo(TransactionReader reader)
    {
        if (Has(TransactionFaults.SkipUncertainty))
            return Timestamp.Zero;
        foreach (var observed in reader.Observed)
        {
            if (observed.Node == _options.Node)
            {
                var limit = Timestamp.Later(observed.Clock, _startTimestamp);
                return limit < reader.UncertainUntil ? limit : reader.UncertainUntil;
            }
        }

        return reader.UncertainUntil;
    }

    private PreparedTransaction? FindIntent(ReadOnlyMemory<byte> key, Timestamp upTo) =>
        _replica.Transactions.Prepared.Count > 0
        && _replica.Transactions.Prepared.WriterOf(key) is { } writer
        && writer.Prepared <= upTo
        && !Has(TransactionFaults.ReadPastIntent)
            ? writer
            : null;

    private PreparedTransaction? FindIntent(ScanPage page, Timestamp upTo) => FindIntent(page.Start, page.End, upTo);

    private PreparedTransaction? FindIntent(byte[] start, byte[]? end, Timestamp upTo)
    {
        if (_replica.Transactions.Prepared.Count == 0 || Has(TransactionFaults.ReadPastIntent))
            return null;
        foreach (var (_, writer) in _replica.Transactions.Prepared.WritersIn(start, end is null ? null : (ReadOnlyMemory<byte>?)end))
        {
            if (writer.Prepared <= upTo)
                return writer;
        }

        return null;
    }

    private ReadResult GetFor(TransactionReader reader, ReadOnlyMemory<byte> key, Timestamp at)
    {
        _protection.Note(at);
        var uncertain = Timestamp.Zero;
        if (UncertainUpTo(reader) is { IsZero: false } limit)
        {
            var versions = new List<MvccVersion>();
            _replica.Store.ChangesOf(key.Span, at, reader.UncertainUntil, int.MaxValue, versions);
            foreach (var version in versions)
                uncertain = Timestamp.Later(uncertain, UncertainAt(version, limit));
        }

        var clock = _replica.Clock.Last;
        return uncertain.IsZero
            ? SnapshotReading.Get(_replica.Store, key, at, _servedBy) with { Clock = clock }
            : new ReadResult { UncertainAt = uncertain, ReadTimestamp = at, ServedBy = _servedBy, Clock = clock };
    }

    /// <returns>Whether another slice is needed.</returns>
    private bool ScanSlice(ScanPage page, Timestamp at, TransactionReader? reader, ref Timestamp uncertain)
    {
        var (start, end) = (page.Start, page.End);
        var isMore = SnapshotReading.ScanSlice(_replica.Store, page, at);
        if (reader is null)
            return isMore;
        _protection.Note(at);
        if (UncertainUpTo(reader) is not { IsZero: false } limit)
            return isMore;

        // Only of the rows that were looked at: the rest is the next page's.
        if (page.ResumeKey is { } resume)
            (start, end) = page.Request.Reverse ? (resume, end) : (start, resume);
        var rows = new List<MvccRow>();
        _replica.Store.Changes(start, end, end is not null, at, reader.UncertainUntil, int.MaxValue, rows);
        foreach (var row in rows)
            uncertain = Timestamp.Later(uncertain, UncertainAt(row.Version, limit));
        return isMore;
    }

    /// <summary>The version's timestamp, when it was written by the local clock's limit; else zero.</summary>
    private static Timestamp UncertainAt(MvccVersion version, Timestamp limit)
    {
        var prepared = StoredValue.ReadOrigin(version.Value.Span)?.Prepared ?? Timestamp.Zero;
        return (prepared.IsZero ? version.Timestamp : prepared) <= limit ? version.Timestamp : Timestamp.Zero;
    }
}
