using GrainDb.Engine.Eventual;
using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Api.Tests.Fakes;

/// <summary>Eventual keyspaces in memory on one replica, with real contexts and states, for tests of the API alone. Every call is counted.</summary>
internal sealed class FakeEventual(FakeDirectory directory) : IEventualStore
{
    public static readonly Guid Actor = new(7, 0, 0, new byte[8]);

    private readonly Lock _lock = new();
    private readonly Dictionary<(string Keyspace, string Key), DottedSet> _states = [];
    private readonly Dictionary<string, (UInt128 Hash, EventualWriteResult Result)> _stamps = new(StringComparer.Ordinal);
    private Timestamp _clock = Timestamp.FromTime(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private ulong _counter;

    public int Calls { get; private set; }

    /// <summary>Answers the next call in place of the store.</summary>
    public Failure? NextFailure { get; set; }

    /// <summary>What the replicas say to every request.</summary>
    public IReadOnlyList<EventualVote> Votes { get; set; } = [];

    public EventualLevel LastLevel { get; private set; }

    public EventualWrite? LastWrite { get; private set; }

    public IdempotencyStamp? LastStamp { get; private set; }

    public TimeSpan LastTimeout { get; private set; }

    /// <summary>All that is listed, newest first.</summary>
    public List<ConflictRecord> Conflicts { get; } = [];

    public ConflictPosition? LastAfter { get; private set; }

    public (ReadOnlyMemory<byte> Key, Dot Winner)? LastDismissal { get; private set; }

    public RangeId? LastRepair { get; private set; }

    public ValueTask<EventualWriteResult> WriteAsync(
        string keyspace, EventualWrite write, EventualLevel level, IdempotencyStamp? idempotency, TimeSpan timeout, CancellationToken cancellationToken)
    {
        (LastWrite, LastLevel, LastStamp, LastTimeout) = (write, level, idempotency, timeout);
        if (Enter() is { } failure)
            return new(EventualWriteResult.Failed(failure) with { Replicas = Votes, Coordinator = "node1", Region = "local", Partition = new(17) });
        lock (_lock)
        {
            if (idempotency is not null && _stamps.TryGetValue(idempotency.Key, out var there))
            {
                return new(there.Hash == idempotency.RequestHash
                    ? there.Result with { IsRepeated = true }
                    : EventualWriteResult.Failed(Failure.NotApplied(ErrorCode.IdempotencyMismatch, "The key was used for another request.")));
            }

            var result = Write(directory.Find(keyspace)!.Conflict, (keyspace, Convert.ToHexString(write.Key.Span)), write);
            if (idempotency is not null)
                _stamps.Add(idempotency.Key, (idempotency.RequestHash, result));
            return new(result);
        }
    }

    public ValueTask<EventualReadResult> ReadAsync(string keyspace, ReadOnlyMemory<byte> key, EventualLevel level, TimeSpan timeout, CancellationToken cancellationToken)
    {
        (LastLevel, LastTimeout) = (level, timeout);
        if (Enter() is { } failure)
            return new(EventualReadResult.Failed(failure) with { Replicas = Votes, Coordinator = "node1", Region = "local", Partition = new(17) });
        var set = _states.GetValueOrDefault((keyspace, Convert.ToHexString(key.Span)), DottedSet.Empty);
        return new(new EventualReadResult
        {
            State = set.IsEmpty ? default : DottedSetCodec.Encode(set),
            Context = CausalContext.Of(set, key.Span).Encode(),
            Coordinator = "node1",
            Region = "local",
            Partition = new(17),
            Replicas = Votes,
            Now = _clock,
            IsRepaired = Votes.Any(vote => vote.IsStale),
        });
    }

    public Task<ConflictPage> ListConflictsAsync(string keyspace, ConflictPosition? after, int limit, TimeSpan timeout, CancellationToken cancellationToken)
    {
        LastAfter = after;
        if (Enter() is { } failure)
            return Task.FromResult(ConflictPage.Failed(failure));
        var rest = Conflicts.Where(conflict => after is null || conflict.At < after.At).ToList();
        return Task.FromResult(new ConflictPage
        {
            Conflicts = [.. rest.Take(limit)],
            Next = rest.Count > limit ? new ConflictPosition(rest[limit - 1].At, rest[limit - 1].Winner) : null,
            Missing = ["node3"],
        });
    }

    public Task<ConflictDismissal> DismissConflictAsync(string keyspace, ReadOnlyMemory<byte> key, Dot winner, TimeSpan timeout, CancellationToken cancellationToken)
    {
        LastDismissal = (key, winner);
        return Task.FromResult(Enter() is { } failure
            ? ConflictDismissal.Failed(failure)
            : new ConflictDismissal { Found = Conflicts.RemoveAll(conflict => conflict.Winner == winner && conflict.Key.Span.SequenceEqual(key.Span)) > 0, Missing = ["node3"] });
    }

    public Task<Failure?> RepairAsync(RangeId partition, TimeSpan timeout, CancellationToken cancellationToken)
    {
        LastRepair = partition;
        return Task.FromResult(Enter());
    }

    private Failure? Enter()
    {
        Calls++;
        var failure = NextFailure;
        NextFailure = null;
        return failure;
    }

    private EventualWriteResult Write(ConflictPolicy policy, (string, string) key, EventualWrite write)
    {
        _clock = _clock.Next;
        var current = _states.GetValueOrDefault(key, DottedSet.Empty);
        var dot = new Dot(Actor, ++_counter);
        Assert.True(CausalContext.TryDecode(write.Context, write.Key.Span, out var context, out var problem), problem);
        var seen = policy == ConflictPolicy.Siblings && (write.Kind != EventualWriteKind.Delete || !write.Context.IsEmpty) ? context.Seen : context.Seen.Join(current.Context);
        var deleted = write.Kind == EventualWriteKind.Delete;
        var expires = write.TimeToLive is { } lifetime ? _clock.Add(lifetime) : Timestamp.Zero;
        var stored = write.Kind switch
        {
            EventualWriteKind.Put => Stored(write),
            EventualWriteKind.Operate => Operate(policy, current, dot, write.Operation!),
            _ => CrdtReading.IsCrdt(policy) ? Operate(policy, DottedSet.Empty, dot, CrdtOperation.Increment(0)) : [],
        };
        var set = current.Write(seen, new Sibling(dot, _clock, deleted, expires, stored));
        _states[key] = set;
        return new EventualWriteResult
        {
            Version = _clock,
            Dot = dot,
            Existed = current.Siblings.Any(sibling => sibling.IsVisibleAt(_clock)),
            Context = CausalContext.Of(set, write.Key.Span).Encode(),
            Coordinator = "node1",
            Region = "local",
            Partition = new(17),
            Replicas = Votes,
            State = DottedSetCodec.Encode(set),
        };
    }

    private byte[] Operate(ConflictPolicy policy, DottedSet current, Dot dot, CrdtOperation operation) => (policy, operation.Action) switch
    {
        (ConflictPolicy.Counter, _) => CrdtReading.Counter(current).Increment(dot, operation.By).Encode(),
        (_, CrdtAction.Remove) => CrdtReading.Map(current).Remove(dot, operation.Fields, seen: null).Encode(),
        _ => CrdtReading.Map(current).Set(new FieldWrite(dot, _clock, default), operation.Fields).Encode(),
    };

    private static byte[] Stored(EventualWrite write)
    {
        var header = new byte[StoredValue.HeaderLength(write.ContentType)];
        StoredValue.WriteHeader(write.ContentType, header);
        return [.. header, .. write.Value.Span];
    }
}
