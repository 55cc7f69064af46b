using System.Buffers.Binary;
using GrainDb.Engine.Mvcc;
using GrainDb.Engine.Ranges;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Tests.Transactions;

/// <summary>A log of records that a leader could have written, drawn from a list of numbers.</summary>
internal sealed class TransactionLog
{
    private readonly List<PreparedTransaction> _open = [];
    private readonly List<TransactionId> _unsettled = [];
    private readonly Random _random;
    private ulong _now = 1_000_000UL << Timestamp.CounterBits;
    private Timestamp _threshold;
    private ulong _stamps;

    public TransactionLog(int seed, int length)
    {
        _random = new Random(seed);
        while (Entries.Count < length)
            Step();
    }

    internal readonly record struct Entry(byte Type, Timestamp Timestamp, byte[] Payload);

    public List<Entry> Entries { get; } = [];

    public static void Apply(Entry entry, MvccStore store, TransactionState state)
    {
        switch (entry.Type)
        {
            case RangeRecordType.Write:
                foreach (var write in RangeWriteCodec.Decode(entry.Payload))
                    store.Apply(write.Key.Span, entry.Timestamp, write.IsTombstone, write.ExpiresAt, write.Stored.Span);
                break;
            case RangeRecordType.GcThreshold:
                store.SetGcThreshold(new Timestamp(BinaryPrimitives.ReadUInt64LittleEndian(entry.Payload)));
                break;
            default:
                state.Apply(entry.Type, entry.Timestamp, entry.Payload, store);
                break;
        }
    }

    private void Step()
    {
        // Sometimes long enough for memories to fade.
        _now += _random.Next(40) == 0 ? (ulong)TimeSpan.FromHours(_random.Next(1, 30)).TotalMilliseconds << Timestamp.CounterBits : (ulong)_random.Next(1, 5000) << 8;
        var at = new Timestamp(_now);
        var keys = Enumerable.Range(0, 8).Where(_ => _random.Next(3) == 0).Where(key => !_open.Exists(open => Touches(open, key))).ToArray();
        switch (_random.Next(7))
        {
            case 0 or 1 when keys.Length > 0:
                Add(RangeRecordType.Write, at, Records.Bytes(output => RangeWriteCodec.Encode(Writes(keys), at, output)));
                break;
            case 2 when keys.Length > 0:
                var prepared = PreparedTransaction.Of(Work(at, keys), [new RangeId(1), new RangeId(2)], at, existed: _random.Next(2) == 0);
                _open.Add(prepared);
                Add(RangeRecordType.Prepare, at, Records.Encode(prepared));
                break;
            case 3 when _open.Count > 0:
                var resolved = _open[_random.Next(_open.Count)];
                _open.Remove(resolved);
                var commit = _random.Next(3) == 0 ? Timestamp.Zero : new Timestamp(resolved.Prepared.Value + (ulong)_random.NextInt64((long)(at.Value - resolved.Prepared.Value)));
                Add(RangeRecordType.Resolve, at, Records.Bytes(output => ResolveCodec.Encode([new(resolved.Id, commit), new(NewId(at), Timestamp.Zero)], output)));
                break;
            case 4 when keys.Length > 0:
                var work = Work(at, keys);
                var id = _random.Next(4) == 0 ? TransactionId.None : work.Transaction;
                RangeId[] others = id.IsNone || _random.Next(2) == 0 ? [] : [.. Enumerable.Range(2, _random.Next(1, 3)).Select(other => new RangeId(other))];
                if (others.Length > 0)
                    _unsettled.Add(id);
                var head = new CommitCodec.Head(id, work.Deadline, work.Idempotency, _random.Next(2) == 0, others);
                Add(RangeRecordType.Commit, at, Records.Bytes(output => CommitCodec.Encode(head, work.Writes, at, output)));
                break;
            case 5 when _unsettled.Count > 0 && _random.Next(3) > 0:
                var settled = _unsettled[_random.Next(_unsettled.Count)];
                _unsettled.Remove(settled);
                Add(RangeRecordType.Resolve, at, Records.Bytes(output => ResolveCodec.Encode([new(settled, Resolution.Settled)], output)));
                break;
            case 6 when _random.Next(50) == 0:
                Add(RangeRecordType.Resolve, at, Records.Bytes(output => ResolveCodec.Encode([Resolution.Closed], output)));
                break;
            case 5 when _random.Next(3) == 0:
                _threshold = Timestamp.Later(_threshold, _open.Count == 0 ? new Timestamp(_now - 10_000_000) : _open.Min(open => open.Prepared).Previous);
                var payload = new byte[8];
                BinaryPrimitives.WriteUInt64LittleEndian(payload, _threshold.Value);
                Add(RangeRecordType.GcThreshold, at, payload);
                break;
        }
    }

    private void Add(byte type, Timestamp at, byte[] payload) => Entries.Add(new(type, at, payload));

    private TransactionWork Work(Timestamp at, int[] keys) => new()
    {
        Transaction = NewId(at),
        ReadTimestamp = at.Previous,
        Deadline = at.Add(TimeSpan.FromSeconds(_random.Next(1, 60))),
        Generation = 1,
        Writes = Writes(keys),
        ReadKeys = [Key(20 + _random.Next(4))],
        ReadIntervals = [new RoutingInterval(Key(30).ToArray(), Key(31 + _random.Next(4)).ToArray())],
        Idempotency = _random.Next(2) == 0 ? null : new IdempotencyStamp($"stamp{_stamps++}", _stamps, new byte[_random.Next(20)]),
    };

    private KeyWrite[] Writes(int[] keys) =>
    [
        .. keys.Select(key => _random.Next(4) == 0
            ? new KeyWrite(Key(key), WriteKind.Delete, default, "", default, null)
            : new KeyWrite(Key(key), WriteKind.Put, Records.Key($"v{_random.Next(1000)}"), "text/plain", default, _random.Next(5) == 0 ? TimeSpan.FromSeconds(2) : null)),
    ];

    private TransactionId NewId(Timestamp at) => new(new Timestamp(at.Value - (ulong)_random.Next(1, 1 << 20)), (ulong)_random.NextInt64());

    private static bool Touches(PreparedTransaction open, int key) => open.Writes.Any(write => write.Key.Span.SequenceEqual(Key(key).Span));

    private static ReadOnlyMemory<byte> Key(int key) => Records.Key($"k{key:D2}");
}
