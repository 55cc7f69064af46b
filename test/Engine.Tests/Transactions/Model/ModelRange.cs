using GrainDb.Engine.Ranges;
using GrainDb.Engine.Time;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Tests.Transactions.Model;

/// <summary>A version that a model range holds.</summary>
/// <param name="Commit">Its version.</param>
/// <param name="Local">When it was prepared or written, by the clock of the range's node.</param>
/// <param name="Value">Null for a tombstone.</param>
/// <param name="Writer">The transaction.</param>
internal sealed record ModelVersion(Timestamp Commit, Timestamp Local, byte[]? Value, TransactionId Writer);

/// <summary>
/// One range as transactions see it: a linearizable object in memory that never fails, on a node with a clock of its own. It keeps every promise of
/// <see cref="IKeyRange"/> in the simplest way, so that whatever goes wrong around it is the coordinator's doing.
/// </summary>
internal sealed class ModelRange(RangeDescriptor descriptor, string node, HybridLogicalClock clock, TimeProvider time)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(2);

    private readonly SortedDictionary<byte[], List<ModelVersion>> _keys = new(Comparer<byte[]>.Create((left, right) => left.AsSpan().SequenceCompareTo(right)));
    private readonly Dictionary<TransactionId, (RangePrepare Request, Timestamp At)> _intents = [];
    private readonly HashSet<TransactionId> _decided = [];
    private readonly Dictionary<TransactionId, Timestamp> _commits = [];
    private readonly Dictionary<TransactionId, (Timestamp At, RangeId[] Others)> _unsettled = [];
    private readonly Dictionary<string, (IdempotencyStamp Stamp, Timestamp At, TransactionId By)> _stamps = [];

    public RangeDescriptor Descriptor => descriptor;

    public string Node => node;

    public HybridLogicalClock Clock => clock;

    public IEnumerable<(RangePrepare Request, Timestamp At)> Intents => _intents.Values;

    /// <summary>Commits that were decided here for others too, and are not settled.</summary>
    public IReadOnlyDictionary<TransactionId, (Timestamp At, RangeId[] Others)> Unsettled => _unsettled;

    /// <summary>When this range decided to commit a transaction; null when it did not.</summary>
    public Timestamp? CommitOf(TransactionId transaction) => _commits.TryGetValue(transaction, out var at) ? at : null;

    /// <summary>All versions of a key, oldest first.</summary>
    public IReadOnlyList<ModelVersion> Versions(ReadOnlySpan<byte> key) => _keys.TryGetValue(key.ToArray(), out var versions) ? versions : [];

    public IEnumerable<byte[]> Keys => _keys.Keys;

    /// <summary>A write outside of transactions.</summary>
    public Timestamp Put(byte[] key, byte[] value)
    {
        var at = clock.Now();
        Store(key, new ModelVersion(at, at, value, TransactionId.None));
        return at;
    }

    public async ValueTask<ReadResult> ReadAsync(RangeRead request)
    {
        if (await SettleAsync(request.AsOf, request.Reader!, key => key.Span.SequenceEqual(request.Key.Span)) is { } failure)
            return ReadResult.Failed(failure);
        if (UncertainAt(request.AsOf, request.Reader!, Versions(request.Key.Span)) is { IsZero: false } uncertain)
            return new ReadResult { UncertainAt = uncertain, Clock = clock.Now(), ServedBy = ServedBy };
        var version = Versions(request.Key.Span).LastOrDefault(version => version.Commit <= request.AsOf);
        return version?.Value is { } value
            ? new ReadResult { Found = true, Version = version.Commit, Value = value, ReadTimestamp = request.AsOf, Clock = clock.Now(), ServedBy = ServedBy }
            : new ReadResult { ReadTimestamp = request.AsOf, Clock = clock.Now(), ServedBy = ServedBy };
    }

    public async ValueTask<ScanResult> ScanAsync(RangeScan request)
    {
        var interval = new RoutingInterval(Max(request.Start, descriptor.Start), Min(request.End, descriptor.End));
        if (await SettleAsync(request.AsOf, request.Reader!, key => IsIn(interval, key.Span)) is { } failure)
            return ScanResult.Failed(failure);
        var inside = _keys.Where(entry => IsIn(interval, entry.Key)).ToList();
        var uncertain = inside.Select(entry => UncertainAt(request.AsOf, request.Reader!, entry.Value)).Aggregate(Timestamp.Zero, Timestamp.Later);
        if (!uncertain.IsZero)
            return new ScanResult { UncertainAt = uncertain, Clock = clock.Now(), ServedBy = ServedBy };
        if (request.Reverse)
            inside.Reverse();
        var items = new List<ScanItem>();
        foreach (var (key, versions) in inside)
        {
            if (items.Count == request.Limit)
                return Page(request.Reverse ? [.. key, 0] : key);
            if (versions.LastOrDefault(version => version.Commit <= request.AsOf) is { Value: { } value } version && Passes(request.Filter, key))
                items.Add(new ScanItem(key, version.Commit, "", request.KeysOnly ? default : value));
        }

        return Page(null);

        ScanResult Page(byte[]? resume) => new() { Items = items, ResumeKey = resume, ReadTimestamp = request.AsOf, Clock = clock.Now(), ServedBy = ServedBy };
    }

    public async ValueTask<RangeCommitResult> CommitAsync(RangeCommit request)
    {
        var work = request.Work;
        var started = time.GetTimestamp();
        while (true)
        {
            if (_commits.TryGetValue(work.Transaction, out var known))
                return new RangeCommitResult { CommitTimestamp = known };
            if (_decided.Contains(work.Transaction))
                return RangeCommitResult.Failed(Failure.NotApplied(ErrorCode.TransactionExpired, "aborted already"));
            if (IsCarriedOut(work.Idempotency, work.Transaction))
            {
                await Task.Delay(Look, time);
                continue;
            }

            if (FindRepeated(work) is { } repeated)
                return new RangeCommitResult { Repeated = repeated };
            clock.TryReceive(work.ReadTimestamp);
            if (WhyNot(work) is { } refused)
                return RangeCommitResult.Failed(refused);
            if (Blockers(work).Any())
            {
                if (request.Others.Length > 0 && Blockers(work).Any(blocker => blocker < work.Transaction))
                    return RangeCommitResult.Failed(Conflict(work, "an older transaction is in the way"));
                if (time.GetElapsedTime(started) > Patience)
                    return RangeCommitResult.Failed(Conflict(work, "an intent stays"));
                await Task.Delay(Look, time);
                continue;
            }

            if (!clock.TryReceive(request.After))
                return RangeCommitResult.Failed(Failure.NotApplied(ErrorCode.Unavailable, "a clock is too far ahead"));
            var at = clock.Now();
            if (at > work.Deadline)
                return RangeCommitResult.Failed(Failure.NotApplied(ErrorCode.TransactionExpired, "the deadline is over"));
            foreach (var write in work.Writes)
                Store(write.Key.ToArray(), new ModelVersion(at, at, ValueOf(write), work.Transaction));
            _commits[work.Transaction] = at;
            if (request.Others.Length > 0)
                _unsettled[work.Transaction] = (at, request.Others);
            Stamp(work, at);
            return new RangeCommitResult { CommitTimestamp = at };
        }
    }

    /// <summary>Who stands prepared elsewhere is answered as a range answers whose memory of commits is full: it knows those that are not settled.</summary>
    public RangeDecision Decide(RangeDecide request)
    {
        if (request.IsPrepared ? _unsettled.ContainsKey(request.Transaction) : _commits.ContainsKey(request.Transaction))
            return new RangeDecision { Outcome = _commits[request.Transaction] };
        if (_decided.Contains(request.Transaction) || clock.Now() > request.Deadline)
            return new RangeDecision { Outcome = Timestamp.Zero };
        if (!request.Aborts)
            return new RangeDecision();
        Resolve(new Resolution(request.Transaction, Timestamp.Zero));
        return new RangeDecision { Outcome = Timestamp.Zero };
    }

    public async ValueTask<PrepareResult> PrepareAsync(RangePrepare request)
    {
        var work = request.Work;
        var started = time.GetTimestamp();
        while (true)
        {
            if (_intents.TryGetValue(work.Transaction, out var prepared))
                return new PrepareResult { PrepareTimestamp = prepared.At };
            if (_decided.Contains(work.Transaction))
                return PrepareResult.Failed(Failure.NotApplied(ErrorCode.TransactionExpired, "decided already"));
            if (IsCarriedOut(work.Idempotency, work.Transaction))
            {
                if (time.GetElapsedTime(started) > Patience || _intents.Any(intent => intent.Key < work.Transaction && intent.Value.Request.Work.Idempotency?.Key == work.Idempotency!.Key))
                    return PrepareResult.Failed(Failure.NotApplied(ErrorCode.IdempotencyInProgress, "another one carries the same request out"));
                await Task.Delay(Look, time);
                continue;
            }

            if (FindRepeated(work) is { } repeated)
                return new PrepareResult { Repeated = repeated };
            clock.TryReceive(work.ReadTimestamp);
            if (WhyNot(work) is { } refused)
                return PrepareResult.Failed(refused);
            var blockers = Blockers(work).ToList();
            if (blockers.Count > 0)
            {
                if (blockers.Exists(blocker => blocker < work.Transaction) || time.GetElapsedTime(started) > Patience)
                    return PrepareResult.Failed(Conflict(work, "another transaction is in the way"));
                await Task.Delay(Look, time);
                continue;
            }

            var at = clock.Now();
            _intents[work.Transaction] = (request, at);
            return new PrepareResult { PrepareTimestamp = at };
        }
    }

    public void Resolve(Resolution resolution)
    {
        if (resolution.IsSettled)
        {
            _unsettled.Remove(resolution.Transaction);
            return;
        }

        if (_intents.Remove(resolution.Transaction, out var intent) && !resolution.CommitTimestamp.IsZero)
        {
            foreach (var write in intent.Request.Work.Writes)
                Store(write.Key.ToArray(), new ModelVersion(resolution.CommitTimestamp, intent.At, ValueOf(write), resolution.Transaction));
            Stamp(intent.Request.Work, resolution.CommitTimestamp);
        }

        clock.Restore(resolution.CommitTimestamp);
        if (_commits.ContainsKey(resolution.Transaction))
            return;
        _decided.Add(resolution.Transaction);
    }

    public async ValueTask<Failure?> RefreshAsync(RangeRefresh request)
    {
        clock.TryReceive(request.UpTo);
        var started = time.GetTimestamp();
        while (_intents.Values.Any(intent => intent.At <= request.UpTo && intent.Request.Work.Writes.Any(write => Reads(request, write.Key.Span))))
        {
            if (time.GetElapsedTime(started) > Patience)
                return Failure.NotApplied(ErrorCode.Unavailable, "an intent stays");
            await Task.Delay(Look, time);
        }

        var changed = _keys.Where(entry => Reads(request, entry.Key) && entry.Value.Exists(version => version.Commit > request.After && version.Commit <= request.UpTo)).ToList();
        return changed.Count == 0
            ? null
            : Failure.NotApplied(ErrorCode.TransactionConflict, "it changed") with { Keys = [.. changed.Select(entry => new ConflictKey("", entry.Key))] };
    }

    private ServedBy ServedBy => new("local", descriptor.Id, node, ReplicaRole.Leader);

    private Failure? WhyNot(TransactionWork work)
    {
        if (clock.Now() > work.Deadline)
            return Failure.NotApplied(ErrorCode.TransactionExpired, "the deadline is over");
        var changed = _keys
            .Where(entry => entry.Value[^1].Commit > work.ReadTimestamp && (Writes(work, entry.Key) || ReadsKey(work.ReadKeys, entry.Key) || work.ReadIntervals.Any(interval => IsIn(interval, entry.Key))))
            .Select(entry => new ConflictKey("", entry.Key)).ToList();
        if (changed.Count > 0)
            return Failure.NotApplied(ErrorCode.TransactionConflict, "something is newer") with { Keys = changed };
        foreach (var write in work.Writes)
        {
            var newest = Versions(write.Key.Span).LastOrDefault(version => version.Value is not null);
            if (!WriteRules.Holds(write.Condition, new ReadResult { Found = newest is not null, Version = newest?.Commit ?? Timestamp.Zero }))
                return Failure.NotApplied(ErrorCode.VersionMismatch, "the condition does not hold");
        }

        return null;
    }

    /// <summary>Lock and lock may share.</summary>
    private IEnumerable<TransactionId> Blockers(TransactionWork work) =>
        from intent in _intents
        where intent.Key != work.Transaction
        let other = intent.Value.Request.Work
        where work.Writes.Any(write => Writes(other, write.Key.Span) || ReadsKey(other.ReadKeys, write.Key.Span) || other.ReadIntervals.Any(interval => IsIn(interval, write.Key.Span)))
            || other.Writes.Any(write => ReadsKey(work.ReadKeys, write.Key.Span) || work.ReadIntervals.Any(interval => IsIn(interval, write.Key.Span)))
        select intent.Key;

    /// <summary>Whoever waited for it must look at everything again: its own transaction may be decided by then.</summary>
    private bool IsCarriedOut(IdempotencyStamp? stamp, TransactionId by) =>
        stamp is not null && _intents.Values.Any(intent => intent.Request.Work.Idempotency?.Key == stamp.Key && intent.Request.Work.Transaction != by);

    private IdempotencyRecord? FindRepeated(TransactionWork work) =>
        work.Idempotency is { } stamp && _stamps.TryGetValue(stamp.Key, out var found) && found.By != work.Transaction ? new IdempotencyRecord(found.At, Existed: false, found.Stamp.Answer) : null;

    private void Stamp(TransactionWork work, Timestamp at)
    {
        if (work.Idempotency is { } stamp)
            _stamps[stamp.Key] = (stamp, at, work.Transaction);
    }

    /// <summary>From here on nothing that the reader must see can appear at or below the snapshot.</summary>
    private async ValueTask<Failure?> SettleAsync(Timestamp at, TransactionReader reader, Func<ReadOnlyMemory<byte>, bool> isRead)
    {
        if (!clock.TryReceive(at))
            return Failure.NotApplied(ErrorCode.InvalidRequest, "in the future");
        var until = Timestamp.Later(at, LimitOf(reader));
        var started = time.GetTimestamp();
        while (_intents.Any(intent => intent.Key != reader.Transaction && intent.Value.At <= until && intent.Value.Request.Work.Writes.Any(write => isRead(write.Key))))
        {
            if (time.GetElapsedTime(started) > Patience)
                return Failure.NotApplied(ErrorCode.Unavailable, "an intent stays");
            await Task.Delay(Look, time);
        }

        return null;
    }

    private Timestamp UncertainAt(Timestamp at, TransactionReader reader, IReadOnlyList<ModelVersion> versions) => versions
        .Where(version => version.Commit > at && version.Commit <= reader.UncertainUntil && version.Local <= LimitOf(reader))
        .Aggregate(Timestamp.Zero, (latest, version) => Timestamp.Later(latest, version.Commit));

    private Timestamp LimitOf(TransactionReader reader)
    {
        var observed = Array.Find(reader.Observed, observed => observed.Node == node).Clock;
        return observed.IsZero || observed > reader.UncertainUntil ? reader.UncertainUntil : observed;
    }

    /// <summary>Commits of several ranges come in any order.</summary>
    private void Store(byte[] key, ModelVersion version)
    {
        if (!_keys.TryGetValue(key, out var versions))
            _keys.Add(key, versions = []);
        versions.Add(version);
        versions.Sort((left, right) => left.Commit.CompareTo(right.Commit));
    }

    private Failure Conflict(TransactionWork work, string detail) => Failure.NotApplied(ErrorCode.TransactionConflict, detail) with
    {
        Keys = [.. work.Writes.Take(1).Select(write => new ConflictKey("", write.Key))],
    };

    private static byte[]? ValueOf(KeyWrite write) => write.Kind == WriteKind.Put ? write.Value.ToArray() : null;

    private static bool Writes(TransactionWork work, ReadOnlySpan<byte> key)
    {
        foreach (var write in work.Writes)
        {
            if (write.Key.Span.SequenceEqual(key))
                return true;
        }

        return false;
    }

    private static bool ReadsKey(ReadOnlyMemory<byte>[] keys, ReadOnlySpan<byte> key)
    {
        foreach (var read in keys)
        {
            if (read.Span.SequenceEqual(key))
                return true;
        }

        return false;
    }

    private static bool Reads(RangeRefresh request, ReadOnlySpan<byte> key)
    {
        foreach (var interval in request.Intervals)
        {
            if (IsIn(interval, key))
                return true;
        }

        return ReadsKey(request.Keys, key);
    }

    private static bool IsIn(RoutingInterval interval, ReadOnlySpan<byte> key) =>
        key.SequenceCompareTo(interval.Start) >= 0 && (interval.End is null || key.SequenceCompareTo(interval.End) < 0);

    private static bool Passes(KeyInterval? filter, byte[] routingKey)
    {
        if (filter is null)
            return true;
        var key = routingKey.AsSpan(RoutingKey.HashBytes);
        return key.SequenceCompareTo(filter.Start.Span) >= 0 && (filter.End is not { } end || key.SequenceCompareTo(end.Span) < 0);
    }

    private static byte[] Max(byte[] left, byte[] right) => left.AsSpan().SequenceCompareTo(right) > 0 ? left : right;

    private static byte[]? Min(byte[]? left, byte[]? right) =>
        left is null ? right : right is null ? left : left.AsSpan().SequenceCompareTo(right) < 0 ? left : right;
}
