using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// Transactions that stand prepared in a range, found by what they would write (at most one per key) and by what they have locked. Beside
/// the version chains: nothing in it is a version yet. The owner synchronizes.
/// </summary>
internal sealed class IntentTable
{
    private readonly Dictionary<TransactionId, PreparedTransaction> _transactions = [];
    private readonly SortedSet<PreparedTransaction> _byAge = new(Comparer<PreparedTransaction>.Create((left, right) => left.Prepared.CompareTo(right.Prepared)));
    private readonly Dictionary<ReadOnlyMemory<byte>, PreparedTransaction> _writers = new(RoutingKeyComparer.Instance);
    private readonly SortedSet<Bound> _writtenKeys = new(Comparer<Bound>.Create(Bound.Compare));
    private readonly Dictionary<ReadOnlyMemory<byte>, List<PreparedTransaction>> _lockers = new(RoutingKeyComparer.Instance);
    private readonly List<PreparedTransaction> _intervalLockers = [];
    private readonly Dictionary<string, PreparedTransaction> _stamps = [];

    private readonly record struct Bound(ReadOnlyMemory<byte> Key, bool IsEnd)
    {
        public static int Compare(Bound left, Bound right) =>
            left.IsEnd || right.IsEnd ? left.IsEnd.CompareTo(right.IsEnd) : left.Key.Span.SequenceCompareTo(right.Key.Span);
    }

    public int Count => _transactions.Count;

    /// <summary>Bytes of keys and values.</summary>
    public long Bytes { get; private set; }

    /// <summary>Oldest first.</summary>
    public IReadOnlyCollection<PreparedTransaction> ByAge => _byAge;

    /// <summary>The prepare timestamp of the oldest one: from there on nothing is final. Null when nothing is prepared.</summary>
    public Timestamp? Oldest => _byAge.Min?.Prepared;

    public PreparedTransaction? Find(TransactionId id) => _transactions.GetValueOrDefault(id);

    /// <summary>Who would store a result under an idempotency key.</summary>
    public PreparedTransaction? FindStamp(string key) => _stamps.GetValueOrDefault(key);

    /// <exception cref="InvalidDataException">It contradicts what is prepared already: the log is not one that a leader wrote.</exception>
    public void Add(PreparedTransaction transaction)
    {
        if (!_transactions.TryAdd(transaction.Id, transaction))
            throw new InvalidDataException($"transaction {transaction.Id} is prepared twice");
        if (!_byAge.Add(transaction))
            throw new InvalidDataException($"two transactions are prepared at {transaction.Prepared}");
        Bytes += transaction.Bytes;
        foreach (var write in transaction.Writes)
        {
            if (!_writers.TryAdd(write.Key, transaction))
                throw new InvalidDataException($"two transactions, {transaction.Id} and {_writers[write.Key].Id}, have an intent on one key");
            _writtenKeys.Add(new(write.Key, IsEnd: false));
        }

        foreach (var key in transaction.ReadKeys)
        {
            if (!_lockers.TryGetValue(key, out var lockers))
                _lockers[key] = lockers = [];
            lockers.Add(transaction);
        }

        if (transaction.ReadIntervals.Length > 0)
            _intervalLockers.Add(transaction);
        if (transaction.Idempotency is { } stamp)
            _stamps[stamp.Key] = transaction;
    }

    /// <summary>Takes a transaction out; null when it is not there.</summary>
    public PreparedTransaction? Remove(TransactionId id)
    {
        if (!_transactions.Remove(id, out var transaction))
            return null;
        Bytes -= transaction.Bytes;
        _byAge.Remove(transaction);
        foreach (var write in transaction.Writes)
        {
            _writers.Remove(write.Key);
            _writtenKeys.Remove(new(write.Key, IsEnd: false));
        }

        foreach (var key in transaction.ReadKeys)
        {
            if (!_lockers.TryGetValue(key, out var lockers))
                continue;
            lockers.Remove(transaction);
            if (lockers.Count == 0)
                _lockers.Remove(key);
        }

        _intervalLockers.Remove(transaction);
        if (transaction.Idempotency is { } stamp && _stamps.GetValueOrDefault(stamp.Key) == transaction)
            _stamps.Remove(stamp.Key);
        return transaction;
    }

    public void Clear()
    {
        _transactions.Clear();
        _byAge.Clear();
        Bytes = 0;
        _writers.Clear();
        _writtenKeys.Clear();
        _lockers.Clear();
        _intervalLockers.Clear();
        _stamps.Clear();
    }

    /// <summary>Whose intent stands on a key.</summary>
    public PreparedTransaction? WriterOf(ReadOnlyMemory<byte> key) => _writers.GetValueOrDefault(key);

    /// <summary>The intents in an interval, by key.</summary>
    public IEnumerable<(ReadOnlyMemory<byte> Key, PreparedTransaction Writer)> WritersIn(ReadOnlyMemory<byte> start, ReadOnlyMemory<byte>? end)
    {
        if (_writtenKeys.Count == 0 || (end is { } bound && start.Span.SequenceCompareTo(bound.Span) >= 0))
            yield break;
        var upper = end is { } last ? new Bound(last, IsEnd: false) : new Bound(default, IsEnd: true);
        foreach (var found in _writtenKeys.GetViewBetween(new(start, IsEnd: false), upper))
        {
            if (end is not { } exclusive || !found.Key.Span.SequenceEqual(exclusive.Span))
                yield return (found.Key, _writers[found.Key]);
        }
    }

    /// <summary>Who has locked a key, by itself or inside an interval.</summary>
    public IEnumerable<PreparedTransaction> LockersOf(ReadOnlyMemory<byte> key)
    {
        if (_lockers.TryGetValue(key, out var lockers))
        {
            foreach (var locker in lockers)
                yield return locker;
        }

        foreach (var locker in _intervalLockers)
        {
            if (locker.LocksIntervalWith(key.Span))
                yield return locker;
        }
    }
}
