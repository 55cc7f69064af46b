using GrainDb.Engine.Time;
using GrainDb.Grains.Meta;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Grains.Ranges;

/// <summary>
/// One page of a scan over the ranges of a keyspace, one after the other, all at one snapshot.
/// Under hash partitioning the ranges are walked in hash order, and the bounds of the user's keys filter.
/// </summary>
internal sealed class ScanPlan
{
    private readonly KeyspaceMap _map;
    private readonly HybridLogicalClock _clock;
    private readonly ScanQuery _query;
    private readonly ReadConsistency _consistency;
    private readonly KeyInterval? _filter;
    private readonly string _node;
    private byte[] _start = [];
    private byte[]? _end;

    public ScanPlan(KeyspaceMap map, ScanQuery query, ReadConsistency consistency, HybridLogicalClock clock, string node)
    {
        _map = map;
        _clock = clock;
        _node = node;
        _query = query;
        _consistency = consistency;
        var hashed = map.Keyspace.Partitioning == KeyspacePartitioning.Hash;
        _filter = hashed && (!query.Start.IsEmpty || query.End is not null) ? new KeyInterval(query.Start, query.End) : null;
    }

    /// <summary>
    /// One range knows its own present best. Over several, the snapshot must not lie before what any of them has already answered, by whatever clock: where
    /// a leader has something that may have been acknowledged before, the page is read anew at that timestamp. Nothing of it was given to anybody yet.
    /// </summary>
    public async ValueTask<ScanResult> RunAsync(ReadRouting routing)
    {
        if (_map.Ranges.Count == 1 || !_query.AsOf.IsZero || _consistency.Level != ReadLevel.Linearizable)
            return await RunAsync(routing, _map.Ranges.Count > 1 ? _clock.Now() : Timestamp.Zero, reader: null);
        var present = _clock.Now();
        var reader = new TransactionReader(TransactionId.None, present.Add(_clock.MaxOffset), [new ObservedClock(_node, present)]);
        while (true)
        {
            var result = await RunAsync(routing, present, reader);
            if (result.UncertainAt <= present)
                return result;
            present = result.UncertainAt;
        }
    }

    private void Begin()
    {
        var hashed = _map.Keyspace.Partitioning == KeyspacePartitioning.Hash;
        _start = hashed ? [] : _query.Start.ToArray();
        _end = hashed ? null : _query.End?.ToArray();
        if (_query.ResumeKey is null)
            return;
        if (_query.Reverse)
            _end = _query.ResumeKey;
        else
            _start = _query.ResumeKey;
    }

    /// <param name="routing">Who serves.</param>
    /// <param name="present">
    /// At which snapshot leaders read where the request names none; zero leaves that to the one range. A replica that does not lead names the
    /// snapshot that it can serve, and the ranges behind it are read at the same.
    /// </param>
    /// <param name="reader">On whose behalf, where something above the snapshot is uncertain.</param>
    private async ValueTask<ScanResult> RunAsync(ReadRouting routing, Timestamp present, TransactionReader? reader)
    {
        Begin();
        var items = new ScanRows(_map.Keyspace.Partitioning);
        var at = _query.AsOf;
        var bytes = KeyLimits.MaxScanPageBytes;
        ScanResult? last = null;
        TimeSpan? staleness = null;
        while (!IsExhausted)
        {
            var range = _map.Ranges[_query.Reverse ? _map.LastIndexBelow(_end) : _map.IndexOf(_start)];
            var scan = new RangeScan(_start, _end, at, _query.Limit - items.Count, _query.Reverse, _query.KeysOnly, bytes, _filter, range.Generation)
            {
                Consistency = ReadRouting.For(at, _consistency),
                Reader = reader,
            };
            var page = await routing.ScanAsync(range, scan, present);
            if (page.Failure is not null || !page.UncertainAt.IsZero)
                return page;
            last = page;
            at = page.ReadTimestamp;
            staleness = page.Staleness > staleness.GetValueOrDefault() ? page.Staleness : staleness ?? page.Staleness;
            items.Add(page.Items);
            foreach (var item in page.Items)
                bytes -= item.Key.Length + item.Value.Length;

            if (page.ResumeKey is not null)
                return Result(page.ResumeKey);
            var next = _query.Reverse ? range.Start : range.End;
            if (next is null || next.Length == 0)
                return Result(null);
            if (_query.Reverse)
                _end = next;
            else
                _start = next;
            if (!IsExhausted && (items.Count >= _query.Limit || bytes <= 0))
                return Result(next);
        }

        return Result(null);

        ScanResult Result(byte[]? resume) => new() { Items = items.All, ResumeKey = resume, ReadTimestamp = at, ServedBy = last?.ServedBy, Staleness = staleness };
    }

    private bool IsExhausted => _end is not null && _start.AsSpan().SequenceCompareTo(_end) >= 0;
}
