using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Mvcc;

/// <summary>
/// Which keys were written lately, by timestamp and then by key: so what came after a recent timestamp is found without a walk over the
/// tree. Versions come nearly in order of their timestamps, so an insertion is at or near the end. Bounded: the oldest are forgotten first.
/// </summary>
internal sealed class RecentVersions(Timestamp completeAfter)
{
    /// <summary>Most versions that are remembered: some seconds of a range under full load.</summary>
    public const int MaxVersions = 16 * 1024;

    /// <summary>Most bytes of their keys.</summary>
    public const int MaxKeyBytes = 4 * 1024 * 1024;

    private readonly List<Entry> _entries = [];
    private int _first;
    private long _keyBytes;

    /// <summary>A version: where to look it up.</summary>
    internal readonly record struct Entry(ulong Timestamp, byte[] Key);

    /// <summary>Every version above it is here.</summary>
    public Timestamp CompleteAfter { get; private set; } = completeAfter;

    public int Count => _entries.Count - _first;

    /// <summary>Remembers a version that is new to the store.</summary>
    public void Add(ReadOnlySpan<byte> key, ulong timestamp)
    {
        if (timestamp <= CompleteAfter.Value)
            return;
        var index = _entries.Count;
        while (index > _first && IsBehind(_entries[index - 1], timestamp, key))
            index--;
        _entries.Insert(index, new(timestamp, key.ToArray()));
        _keyBytes += key.Length;
        while (Count > MaxVersions || _keyBytes > MaxKeyBytes)
            ForgetOldest();
    }

    /// <summary>The remembered versions above <paramref name="after"/>, in order. Complete when that is not below <see cref="CompleteAfter"/>.</summary>
    public ReadOnlySpan<Entry> After(Timestamp after)
    {
        var (low, high) = (_first, _entries.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_entries[middle].Timestamp <= after.Value)
                low = middle + 1;
            else
                high = middle;
        }

        return System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_entries)[low..];
    }

    private static bool IsBehind(in Entry entry, ulong timestamp, ReadOnlySpan<byte> key) =>
        entry.Timestamp > timestamp || (entry.Timestamp == timestamp && entry.Key.AsSpan().SequenceCompareTo(key) > 0);

    private void ForgetOldest()
    {
        var oldest = _entries[_first];
        _entries[_first++] = default;
        _keyBytes -= oldest.Key.Length;
        CompleteAfter = Timestamp.Later(CompleteAfter, new Timestamp(oldest.Timestamp));
        if (_first < MaxVersions)
            return;
        _entries.RemoveRange(0, _first);
        _first = 0;
    }
}
