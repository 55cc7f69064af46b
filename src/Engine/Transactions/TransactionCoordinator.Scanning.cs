using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Engine.Transactions;

/// <summary>Scans of a transaction: pages of the snapshot, range after range, with its own writes laid over.</summary>
public sealed partial class TransactionCoordinator
{
    /// <summary>Reads a page of the snapshot, with its own writes. A page may hold fewer rows than the limit although more follow.</summary>
    /// <param name="keyspace">Name of the keyspace.</param>
    /// <param name="query">What to scan; its snapshot is ignored.</param>
    /// <param name="timeout">The time that it may take.</param>
    /// <param name="cancellationToken">The caller gave up.</param>
    public async ValueTask<ScanResult> ScanAsync(string keyspace, ScanQuery query, TimeSpan timeout, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        var budget = _context.Budget(timeout);
        if (Use() is { } over)
            return ScanResult.Failed(over);
        if (query.Limit is < 1 or > KeyLimits.MaxScanLimit)
            return ScanResult.Failed(Invalid($"a limit of {query.Limit}: 1 to {KeyLimits.MaxScanLimit}"));
        var (routes, failure) = await FindAsync(keyspace, budget, cancellationToken);
        if (failure is not null)
            return ScanResult.Failed(failure);
        return await ScanAsync(routes!.Keyspace, query, budget, cancellationToken);
    }

    private async ValueTask<ScanResult> ScanAsync(KeyspaceDescriptor keyspace, ScanQuery query, TimeBudget budget, CancellationToken cancellationToken)
    {
        var hashed = keyspace.Partitioning == KeyspacePartitioning.Hash;
        var filter = hashed && (!query.Start.IsEmpty || query.End is not null) ? new KeyInterval(query.Start, query.End) : null;
        var start = hashed ? [] : query.Start.ToArray();
        var end = hashed ? null : query.End?.ToArray();
        if (query.ResumeKey is not null)
            (start, end) = query.Reverse ? (start, query.ResumeKey) : (query.ResumeKey, end);
        var items = new List<ScanItem>();
        var bytes = KeyLimits.MaxScanPageBytes;
        ServedBy? servedBy = null;
        while (end is null || start.AsSpan().SequenceCompareTo(end) < 0)
        {
            var scan = new RangeScan(start, end, Timestamp.Zero, query.Limit - items.Count, query.Reverse, query.KeysOnly, bytes, filter, Generation: 0);
            var page = After(await _reads.ScanAsync(keyspace.Name, scan, budget, cancellationToken), result => result.Failure, ScanResult.Failed);
            if (page.Failure is not null)
                return page;
            servedBy = page.ServedBy;
            foreach (var row in Merge(keyspace, scan, page))
            {
                if (items.Count == query.Limit || bytes <= 0)
                    return Page(query.Reverse ? [.. row.Key.Span, 0] : row.Key.ToArray());
                bytes -= row.Key.Length + row.Value.Length;
                items.Add(row with { Key = RoutingKey.ToUserKey(keyspace.Partitioning, row.Key) });
            }

            if (page.ResumeKey is not { } resume)
                break;
            if (items.Count == query.Limit || bytes <= 0 || (page.Items.Count == 0 && filter is not null))
                return Page(resume);
            (start, end) = query.Reverse ? (start, resume) : (resume, end);
        }

        return Page(null);

        ScanResult Page(byte[]? resume) => new() { Items = items, ResumeKey = resume, ReadTimestamp = ReadTimestamp, ServedBy = servedBy };
    }

    private IReadOnlyList<ScanItem> Merge(KeyspaceDescriptor keyspace, RangeScan scan, ScanResult page)
    {
        lock (_gate)
            return _writes.Overlay(keyspace.Name, TransactionReads.Covered(scan, page.ResumeKey), page.Items, scan.Reverse, scan.KeysOnly, Passes);

        bool Passes(ReadOnlyMemory<byte> routingKey)
        {
            if (scan.Filter is not { } filter)
                return true;
            var key = RoutingKey.ToUserKey(keyspace.Partitioning, routingKey).Span;
            return key.SequenceCompareTo(filter.Start.Span) >= 0 && (filter.End is not { } end || key.SequenceCompareTo(end.Span) < 0);
        }
    }
}
