using GrainDb.Engine.Ranges;
using GrainDb.Engine.Time;
using GrainDb.Grains.Meta;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;

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
    private byte[] _start;
    private byte[]? _end;

    public ScanPlan(KeyspaceMap map, ScanQuery query, ReadConsistency consistency, HybridLogicalClock clock)
    {
        _map = map;
        _clock = clock;
        _query = query;
        _consistency = consistency;
        var hashed = map.Keyspace.Partitioning == KeyspacePartitioning.Hash;
        _filter = hashed && (!query.Start.IsEmpty || query.End is not null) ? new KeyInterval(query.Start, query.End) : null;
        _start = hashed ? [] : query.Start.ToArray();
        _end = hashed ? null : query.End?.ToArray();
        if (query.ResumeKey is null)
            return;
        if (query.Reverse)
            _end = query.ResumeKey;
        else
            _start = query.ResumeKey;
    }

    public async ValueTask<ScanResult> RunAsync(ReadRouting routing)
    {
        var items = new List<ScanItem>();
        // One range knows its own present best. Over several, the snapshot must not lie before what any of them has already answered.
        // A replica that does not lead names the snapshot that it can serve, and the ranges behind it are read at the same.
        var present = _map.Ranges.Count > 1 ? _clock.Now() : Timestamp.Zero;
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
            };
            var page = await routing.ScanAsync(range, scan, present);
            if (page.Failure is not null)
                return page;
            last = page;
            at = page.ReadTimestamp;
            staleness = page.Staleness > staleness.GetValueOrDefault() ? page.Staleness : staleness ?? page.Staleness;
            foreach (var item in page.Items)
            {
                bytes -= item.Key.Length + item.Value.Length;
                items.Add(item with { Key = RoutingKey.ToUserKey(_map.Keyspace.Partitioning, item.Key) });
            }

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

        ScanResult Result(byte[]? resume) => new() { Items = items, ResumeKey = resume, ReadTimestamp = at, ServedBy = last?.ServedBy, Staleness = staleness };
    }

    private bool IsExhausted => _end is not null && _start.AsSpan().SequenceCompareTo(_end) >= 0;
}
