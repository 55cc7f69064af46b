using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Ranges;

/// <summary>
/// The newest proposed but not yet applied version of each key, in log order: conditions are evaluated against it, so that a
/// hot key's compare-and-set chain pipelines in one batch. Nothing in it is ever shown to a reader.
/// </summary>
internal sealed class ProposalOverlay
{
    private readonly Dictionary<ReadOnlyMemory<byte>, Entry> _entries = new(RoutingKeyComparer.Instance);

    /// <summary>What is proposed for a key.</summary>
    internal readonly record struct Entry(Timestamp Timestamp, KeyWrite Write, Timestamp ExpiresAt)
    {
        public bool IsTombstone => Write.Kind == WriteKind.Delete;
    }

    public int Count => _entries.Count;

    public bool TryGet(ReadOnlyMemory<byte> key, out Entry entry) => _entries.TryGetValue(key, out entry);

    public void Propose(KeyWrite write, Timestamp commit) =>
        _entries[write.Key] = new(commit, write, RangeWriteCodec.ExpiresAt(write, commit));

    /// <summary>What is proposed in an interval of keys, in no order.</summary>
    public IEnumerable<Entry> In(ReadOnlyMemory<byte> start, ReadOnlyMemory<byte>? end) => _entries.Values.Where(entry =>
        entry.Write.Key.Span.SequenceCompareTo(start.Span) >= 0 && (end is not { } bound || entry.Write.Key.Span.SequenceCompareTo(bound.Span) < 0));

    /// <summary>The proposal was applied: forget it, unless a later one stands there.</summary>
    public void Applied(KeyWrite write, Timestamp commit)
    {
        if (_entries.TryGetValue(write.Key, out var entry) && entry.Timestamp == commit)
            _entries.Remove(write.Key);
    }

    public void Clear() => _entries.Clear();
}
