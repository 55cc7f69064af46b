using GrainDb.Engine.Mvcc;

namespace GrainDb.Engine.Tests.Mvcc;

/// <summary>One version as the model keeps it.</summary>
internal sealed record ModelVersion(ulong Timestamp, bool IsTombstone, ulong ExpiresAt, byte[] Value)
{
    public bool IsLiveAt(ulong at) => !IsTombstone && (ExpiresAt == 0 || ExpiresAt > at);
}

/// <summary>What <see cref="MvccStore"/> must equal: every version ever applied, never collected, read by definition.</summary>
internal sealed class FullHistoryModel
{
    private readonly SortedDictionary<byte[], SortedDictionary<ulong, ModelVersion>> _chains = new(ByteOrder.Instance);

    public ulong GcThreshold { get; private set; }

    public ulong NewestTimestamp { get; private set; }

    public IReadOnlyCollection<byte[]> Keys => _chains.Keys;

    public bool Apply(byte[] key, ModelVersion version)
    {
        if (!_chains.TryGetValue(key, out var chain))
            _chains[key] = chain = [];
        NewestTimestamp = Math.Max(NewestTimestamp, version.Timestamp);
        return chain.TryAdd(version.Timestamp, version);
    }

    public void SetGcThreshold(ulong threshold) => GcThreshold = Math.Max(GcThreshold, threshold);

    public ModelVersion? Get(byte[] key, ulong at)
    {
        var newest = Chain(key).LastOrDefault(version => version.Timestamp <= at);
        return newest is not null && newest.IsLiveAt(at) ? newest : null;
    }

    /// <summary>Above the threshold everything; at or below it the newest, if it is live at the threshold. Newest first.</summary>
    public List<ModelVersion> History(byte[] key)
    {
        var chain = Chain(key).ToList();
        var shown = chain.Where(version => version.Timestamp > GcThreshold).Reverse().ToList();
        var below = chain.LastOrDefault(version => version.Timestamp <= GcThreshold);
        if (below is not null && below.IsLiveAt(GcThreshold))
            shown.Add(below);
        return shown;
    }

    public List<(byte[] Key, ModelVersion Version)> Scan(byte[] start, byte[]? end, ulong at, bool reverse)
    {
        var rows = new List<(byte[], ModelVersion)>();
        foreach (var key in _chains.Keys)
        {
            if (ByteOrder.Instance.Compare(key, start) < 0 || (end is not null && ByteOrder.Instance.Compare(key, end) >= 0))
                continue;
            if (Get(key, at) is { } version)
                rows.Add((key, version));
        }

        if (reverse)
            rows.Reverse();
        return rows;
    }

    /// <summary>All versions of an interval of keys and of time, by timestamp and key, each with the live one that it replaced.</summary>
    public List<(byte[] Key, ModelVersion Version, ulong Previous)> Changes(byte[] start, byte[]? end, ulong after, ulong upTo)
    {
        var changes = new List<(byte[] Key, ModelVersion Version, ulong Previous)>();
        foreach (var (key, chain) in _chains)
        {
            if (ByteOrder.Instance.Compare(key, start) < 0 || (end is not null && ByteOrder.Instance.Compare(key, end) >= 0))
                continue;
            foreach (var version in chain.Values.Where(version => version.Timestamp > after && version.Timestamp <= upTo))
            {
                var older = chain.Values.LastOrDefault(other => other.Timestamp < version.Timestamp);
                changes.Add((key, version, older is not null && older.IsLiveAt(version.Timestamp) ? older.Timestamp : 0));
            }
        }

        changes.Sort((left, right) => left.Version.Timestamp != right.Version.Timestamp
            ? left.Version.Timestamp.CompareTo(right.Version.Timestamp)
            : ByteOrder.Instance.Compare(left.Key, right.Key));
        return changes;
    }

    private IReadOnlyCollection<ModelVersion> Chain(byte[] key) =>
        _chains.TryGetValue(key, out var chain) ? chain.Values : Array.Empty<ModelVersion>();
}

/// <summary>Keys in the order of their bytes.</summary>
internal sealed class ByteOrder : IComparer<byte[]>
{
    public static readonly ByteOrder Instance = new();

    public int Compare(byte[]? x, byte[]? y) => x.AsSpan().SequenceCompareTo(y);
}
