using GrainDb.Engine.Ranges;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// What one flush adds to an eventual replica: operations are evaluated one after the other on the durable state and what the batch adds to it, and none of it is visible to
/// anybody before all of it is durable. So a failed flush leaves nothing to take back.
/// </summary>
internal sealed class ReplicaBatch(EventualStore store, ReplicaStanding standing, Lsn last, Func<Timestamp> now) : IRecordBatch
{
    private readonly Dictionary<ReadOnlyMemory<byte>, (byte[]? State, Lsn Lsn)> _changed = new(RoutingKeyComparer.Instance);
    private readonly List<(Lsn Lsn, byte[] Encoded)> _conflicts = [];
    private readonly List<(Lsn Lsn, RequestResult Result)> _requests = [];
    private readonly Dictionary<string, RequestResult> _requestsByKey = new(StringComparer.Ordinal);
    private readonly List<(Lsn Lsn, ReadOnlyMemory<byte> Key, Dot Winner)> _dismissed = [];

    /// <summary>The records.</summary>
    public WalBatch Records { get; } = new();

    /// <summary>The standing after the batch.</summary>
    public ReplicaStanding Standing { get; private set; } = standing;

    /// <summary>The durable state before it.</summary>
    public EventualStore Store => store;

    /// <summary>The position of the next record.</summary>
    public Lsn Next => Records.IsEmpty ? last.Next : Records.Last.Next;

    /// <summary>The state of a key.</summary>
    public DottedSet Current(ReadOnlyMemory<byte> key)
    {
        var state = _changed.TryGetValue(key, out var changed) ? changed.State : store.Find(key)?.Encoded;
        return state is null ? DottedSet.Empty : DottedSetCodec.Decode(state);
    }

    /// <summary>Whether the batch changes a key.</summary>
    public bool Changes(ReadOnlyMemory<byte> key) => _changed.ContainsKey(key);

    /// <summary>Replaces the state of a key; its record is at <see cref="Next"/>.</summary>
    /// <returns>False: it does not fit a record. Nothing was changed.</returns>
    public bool TrySet(ReadOnlyMemory<byte> key, DottedSet set)
    {
        var state = DottedSetCodec.Encode(set);
        if (state.Length + key.Length + Mvcc.Varint.MaxBytes > WalRecordCodec.MaxPayloadBytes)
            return false;
        var payload = new ByteWriter();
        payload.Bytes(key.Span);
        payload.Raw(state);
        _changed[key.ToArray()] = (state, Add(EventualRecordType.State, payload.Written));
        return true;
    }

    public void Note(ConflictRecord conflict)
    {
        var encoded = ConflictRecordCodec.Encode(conflict);
        if (encoded.Length <= WalRecordCodec.MaxPayloadBytes)
            _conflicts.Add((Add(EventualRecordType.Conflict, encoded), encoded));
    }

    /// <summary>The result of a request that the batch adds.</summary>
    public RequestResult? FindRequest(string key) => _requestsByKey.GetValueOrDefault(key);

    public void Remember(RequestResult request)
    {
        _requests.Add((Add(EventualRecordType.Request, RequestResultCodec.Encode(request)), request));
        _requestsByKey[request.Stamp.Key] = request;
    }

    /// <summary>Conflicts that a write ended, as far as they were noted before, are not listed any more.</summary>
    public void Dismiss(ReadOnlyMemory<byte> key, Dot winner)
    {
        var payload = new ByteWriter();
        payload.Bytes(key.Span);
        payload.Guid(winner.Actor);
        payload.Varint(winner.Counter);
        _dismissed.Add((Add(EventualRecordType.Dismiss, payload.Written), key, winner));
    }

    public void Change(ReplicaStanding to)
    {
        if (to == Standing)
            return;
        Add(EventualRecordType.Standing, to.Encode());
        Standing = to;
    }

    public void Forget(IReadOnlyList<ReadOnlyMemory<byte>> keys)
    {
        if (keys.Count == 0)
            return;
        var payload = new ByteWriter();
        payload.Varint((ulong)keys.Count);
        foreach (var key in keys)
            payload.Bytes(key.Span);
        var lsn = Add(EventualRecordType.Forget, payload.Written);
        foreach (var key in keys)
            _changed[key] = (null, lsn);
    }

    /// <summary>Makes it visible. The caller holds the replica's gate.</summary>
    public void Apply(ConflictLog conflicts, RequestMemory requests)
    {
        foreach (var (lsn, result) in _requests)
            requests.Add(lsn, result);

        foreach (var (key, (state, lsn)) in _changed)
        {
            if (state is null)
                store.Forget(key);
            else
                store.Set(key, state, lsn);
        }

        foreach (var (lsn, encoded) in _conflicts)
            conflicts.Add(lsn, encoded);
        foreach (var (lsn, key, winner) in _dismissed)
            conflicts.Dismiss(lsn, key, winner);
    }

    public void Dispose() => Records.Dispose();

    private Lsn Add(byte type, ReadOnlySpan<byte> payload)
    {
        var lsn = Next;
        Records.Add(type, flags: 0, new Epoch(1), lsn, now(), payload);
        return lsn;
    }
}
