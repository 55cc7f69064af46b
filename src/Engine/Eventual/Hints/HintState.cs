using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Eventual;

/// <summary>What a node's hint log makes. Not thread-safe.</summary>
internal sealed class HintState
{
    private readonly Dictionary<Guid, SortedDictionary<Lsn, StoredHint>> _byTarget = [];
    private readonly Dictionary<Lsn, Guid> _targets = [];
    private readonly Dictionary<Guid, long> _bytes = [];

    public HashSet<HintTarget> Lost { get; } = [];

    public Dictionary<RangeId, long> Closed { get; } = [];

    public long Bytes { get; private set; }

    public int Count => _targets.Count;

    public IEnumerable<StoredHint> All => _byTarget.Values.SelectMany(hints => hints.Values);

    public IEnumerable<ReplicaDescriptor> Targets => _byTarget.Values.Select(hints => hints.Values.First().Hint.Target);

    public long BytesOf(Guid target) => _bytes.GetValueOrDefault(target);

    public IEnumerable<StoredHint> Of(Guid target) => _byTarget.TryGetValue(target, out var hints) ? hints.Values : [];

    public StoredHint? Find(Lsn lsn) => _targets.TryGetValue(lsn, out var target) ? _byTarget[target][lsn] : null;

    /// <summary>Takes a record in; one that was taken in before changes nothing.</summary>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public void Apply(byte type, Lsn lsn, ReadOnlyMemory<byte> payload)
    {
        var reader = new ByteReader(payload, "record of a hint log");
        switch (type)
        {
            case HintRecordType.Keep:
                Add(StoredHint.Decode(lsn, payload));
                break;
            case HintRecordType.Release:
                for (var left = reader.Count(sizeof(ulong)); left > 0; left--)
                    Remove(new Lsn(reader.UInt64()));
                break;
            case HintRecordType.Lost:
                Lost.Add(HintTarget.Decode(payload));
                break;
            case HintRecordType.Told:
                Lost.Remove(HintTarget.Decode(payload));
                break;
            case HintRecordType.Closed:
                var partition = new RangeId(reader.Int64());
                Closed[partition] = Math.Max(Closed.GetValueOrDefault(partition), reader.Int64());
                break;
            default:
                throw new InvalidDataException($"record {lsn} of the hint log has unknown type {type}");
        }
    }

    public void Add(StoredHint hint)
    {
        var target = hint.Hint.Target.Id;
        if (!_targets.TryAdd(hint.Lsn, target))
            return;
        if (!_byTarget.TryGetValue(target, out var hints))
            _byTarget.Add(target, hints = []);
        hints.Add(hint.Lsn, hint);
        _bytes[target] = BytesOf(target) + hint.Bytes;
        Bytes += hint.Bytes;
    }

    private void Remove(Lsn lsn)
    {
        if (!_targets.Remove(lsn, out var target))
            return;
        _byTarget[target].Remove(lsn, out var hint);
        Bytes -= hint!.Bytes;
        _bytes[target] -= hint.Bytes;
        if (_byTarget[target].Count > 0)
            return;
        _byTarget.Remove(target);
        _bytes.Remove(target);
    }
}

/// <summary>What one flush adds to a hint log.</summary>
internal sealed class HintBatch(HintState state, Lsn last, Func<Interfaces.Keys.Timestamp> now) : IRecordBatch
{
    private readonly List<(byte Type, Lsn Lsn, byte[] Payload)> _added = [];
    private readonly HashSet<HintTarget> _lost = [];

    public WalBatch Records { get; } = new();

    /// <summary>The durable state before it.</summary>
    public HintState State => state;

    /// <summary>The hints that the batch adds.</summary>
    public List<Interfaces.Eventual.Hint> Added { get; } = [];

    /// <summary>Bytes of all hints, those included that the batch adds.</summary>
    public long Bytes => state.Bytes + Added.Sum(BytesIn);

    public Dictionary<RangeId, long> Closing { get; } = [];

    public long BytesOf(Guid target) => state.BytesOf(target) + Added.Where(hint => hint.Target.Id == target).Sum(BytesIn);

    public bool IsLost(HintTarget target) => state.Lost.Contains(target) || _lost.Contains(target);

    public void Lose(HintTarget target)
    {
        if (!IsLost(target) && _lost.Add(target))
            Add(HintRecordType.Lost, target.Encode());
    }

    public Lsn Add(byte type, byte[] payload)
    {
        var lsn = Records.IsEmpty ? last.Next : Records.Last.Next;
        Records.Add(type, flags: 0, new Epoch(1), lsn, now(), payload);
        _added.Add((type, lsn, payload));
        return lsn;
    }

    /// <summary>Makes it visible. The caller holds the store's gate.</summary>
    public void Apply()
    {
        foreach (var (type, lsn, payload) in _added)
            state.Apply(type, lsn, payload);
    }

    public void Dispose() => Records.Dispose();

    private static long BytesIn(Interfaces.Eventual.Hint hint) => hint.Key.Length + hint.State.Length;
}
