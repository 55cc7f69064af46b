using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Replicas;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Eventual;

/// <content>What is asked of a replica.</content>
public sealed partial class EventualReplica
{
    /// <summary>Keys that one step of a round forgets at most.</summary>
    private const int MaxForgotten = 4096;

    private static readonly TimeSpan OverloadedRetry = TimeSpan.FromSeconds(1);

    // Of the round that began here; forgotten by a restart, which ends it.
    private Guid _round;
    private Lsn _roundMark;
    private int _repairMarks;

    /// <summary>
    /// Carries out a write that this replica coordinates: evaluates it, mints its dot, makes the new state durable here. The caller then sends the state to the others, and never this write to another
    /// replica, unless it failed and certainly did not happen.
    /// </summary>
    /// <param name="write">What to do.</param>
    /// <param name="configuration">Version of the configuration by which the caller goes.</param>
    /// <param name="idempotency">Makes a repeated request one: what is remembered under its key is the result. Null for none.</param>
    public Task<LocalWrite> WriteAsync(EventualWrite write, long configuration, IdempotencyStamp? idempotency = null)
    {
        ArgumentNullException.ThrowIfNull(write);
        return _commits.RunAsync<LocalWrite>(
            new(write.Key.Length + write.Value.Length, batch => Write(batch, write, configuration, idempotency), exception => Failed(Refused(exception))),
            refusal => Failed(refusal.IsFull
                ? Failure.NotApplied(ErrorCode.Overloaded, refusal.Reason) with { RetryAfter = OverloadedRetry }
                : Failure.NotApplied(ErrorCode.Unavailable, refusal.Reason)));
    }

    /// <summary>Merges states, durably.</summary>
    public Task<MergeAnswer> MergeAsync(MergeRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        (ReadOnlyMemory<byte> Key, DottedSet State)[] items;
        try
        {
            // Of a key that several writes in one message changed, one record is enough.
            items = [.. request.Items
                .GroupBy(item => item.Key, item => DottedSetCodec.Decode(item.State), RoutingKeyComparer.Instance)
                .Select(same => (same.Key, same.Aggregate((merged, next) => merged.Merge(next))))];
        }
        catch (InvalidDataException exception)
        {
            return Task.FromResult(Answer(EventualOutcome.Unable, exception.Message));
        }

        return _commits.RunAsync<MergeAnswer>(
            new(request.Items.Sum(item => item.Key.Length + item.State.Length), batch => Merge(batch, request, items), exception => Answer(EventualOutcome.Unable, exception.Message)),
            refusal => Answer(EventualOutcome.Unable, refusal.Reason));
    }

    /// <summary>What became of a write that may be repeated.</summary>
    public RequestAnswer FindRequest(RequestQuery query)
    {
        ArgumentNullException.ThrowIfNull(query);
        lock (_gate)
        {
            var outcome = Check(_standing, query.Replica, query.Configuration);
            return new(outcome, outcome == EventualOutcome.Done ? _requests.Find(query.Key) : null);
        }
    }

    /// <summary>Whether a write that may be repeated could have been carried out by one in whose place this replica is: others have to be asked.</summary>
    public bool MayLackRequest(string key)
    {
        lock (_gate)
        {
            return !_standing.RequestsSince.IsZero
                && _standing.RequestsSince.Add(TransactionLimits.IdempotencyRetention) > _clock.Now()
                && _requests.Find(key) is null;
        }
    }

    /// <summary>
    /// Whether a removal from a data type goes by a context that names writes of which this replica has not heard. It could not take them away: what a data type has never seen comes back when it is heard of.
    /// </summary>
    /// <param name="write">A write of any kind.</param>
    public bool LacksWhatGoes(EventualWrite write)
    {
        ArgumentNullException.ThrowIfNull(write);
        if (!CrdtReading.IsCrdt(Options.Policy) || write.Context.IsEmpty || !(write.Kind == EventualWriteKind.Delete || write.Operation?.Action == CrdtAction.Remove)
            || Options.Has(EventualFaults.RemoveUnknown) || !CausalContext.TryDecode(write.Context, write.Key.Span, out var context, out _))
            return false;
        StoredKey? stored;
        lock (_gate)
            stored = _store.Find(write.Key);
        return !(stored is null ? VersionVector.Empty : DottedSetCodec.Decode(stored.Encoded).Context).Covers(context.Seen);
    }

    /// <summary>The state of a key.</summary>
    public StateAnswer Read(StateRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        lock (_gate)
        {
            var outcome = Check(_standing, request.Replica, request.Configuration);
            return new(outcome, outcome == EventualOutcome.Done ? _store.Find(request.Key)?.Encoded : default, _standing.Epoch, _standing.NeedsRepair);
        }
    }

    /// <summary>Begins a comparison. A configuration that is new here is durable before this is answered, so that no request by an older one is served after it.</summary>
    /// <remarks>
    /// An epoch that is new here is entered, although no round told this replica to. That is safe: nobody enters an epoch before all members were compared for it, this one included if it was one; if it was not, it
    /// joined later, and the one from whom it learned its epoch then knew the newer configuration, and could not enter the older one's epoch any more, so that nothing was ever forgotten under it.
    /// </remarks>
    public async Task<ExchangeAnswer> OpenExchangeAsync(ExchangeRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var standing = Standing;
        var isNew = request.Configuration > standing.Configuration || (request.Epoch > standing.Epoch && standing.IsJoined);
        if (isNew && request.Replica == Id && request.Configuration >= standing.Configuration && !await FollowAsync(request.Configuration, request.Epoch))
            return new(EventualOutcome.Unable, 0, 0, NeedsRepair: true);
        lock (_gate)
        {
            var outcome = Check(_standing, request.Replica, request.Configuration);
            return new(outcome == EventualOutcome.Done && !_standing.IsJoined ? EventualOutcome.Joining : outcome, _store.Tree.Root, _standing.Epoch, _standing.NeedsRepair);
        }
    }

    /// <summary>Children of nodes of the tree.</summary>
    public TreeAnswer GetTree(TreeRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Level is < 0 or >= MerkleTree.Levels - 1 || request.Nodes.Any(node => (uint)node >= (uint)MerkleTree.NodesOf(request.Level)))
            return new(EventualOutcome.Unable, []);
        lock (_gate)
        {
            var outcome = Check(_standing, request.Replica, request.Configuration);
            return outcome != EventualOutcome.Done
                ? new(outcome, [])
                : new(outcome, [.. request.Nodes.SelectMany(node => Enumerable.Range(node * MerkleTree.Fan, MerkleTree.Fan)).Select(child => _store.Tree.HashOf(request.Level + 1, child))]);
        }
    }

    /// <summary>A page of the keys of a leaf.</summary>
    public LeafAnswer GetLeaf(LeafRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if ((uint)request.Leaf >= MerkleTree.Leaves)
            return new(EventualOutcome.Unable, [], IsLast: true);
        lock (_gate)
        {
            var outcome = Check(_standing, request.Replica, request.Configuration);
            if (outcome != EventualOutcome.Done)
                return new(outcome, [], IsLast: true);
            var keys = new List<LeafEntry>();
            var bytes = 0;
            foreach (var (key, stored) in _store.Leaf(request.Leaf, request.After))
            {
                if (bytes > request.MaxBytes)
                    return new(outcome, [.. keys], IsLast: false);
                keys.Add(new(key, stored.Hash));
                bytes += key.Length + sizeof(ulong);
            }

            return new(outcome, [.. keys], IsLast: true);
        }
    }

    /// <summary>States of keys.</summary>
    public StatesAnswer GetStates(StatesRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        lock (_gate)
        {
            var outcome = Check(_standing, request.Replica, request.Configuration);
            if (outcome != EventualOutcome.Done)
                return new(outcome, 0, []);
            var items = new List<KeyState>();
            var bytes = 0;
            foreach (var key in request.Keys)
            {
                if (bytes > request.MaxBytes)
                    break;
                items.Add(new(key, _store.Find(key)?.Encoded));
                bytes += key.Length + items[^1].State.Length;
            }

            return new(outcome, _standing.Epoch, [.. items]);
        }
    }

    /// <summary>A step of a round that ends with forgetting tombstones; durable before it is answered.</summary>
    public Task<RoundAnswer> StepAsync(RoundRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var unable = new RoundAnswer(EventualOutcome.Unable, 0, 0, IsComplete: false);
        return _commits.RunAsync<RoundAnswer>(new(0, batch => Step(batch, request), _ => unable), _ => unable);
    }

    /// <summary>A replica that joins learned the epoch of one that is whole: it takes nothing older, and begins to take part.</summary>
    /// <returns>Whether that is durable.</returns>
    public Task<bool> JoinAsync(long epoch) =>
        ChangeAsync(standing => standing with { IsJoined = true, Epoch = Math.Max(standing.Epoch, epoch), Floor = Math.Max(standing.Floor, epoch) });

    /// <summary>Somebody lost what this replica should have got, or it lost something itself: it counts again for reads when it was compared with all others.</summary>
    /// <returns>Whether that is durable.</returns>
    public Task<bool> MarkForRepairAsync()
    {
        Interlocked.Increment(ref _repairMarks);
        return ChangeAsync(standing => standing with { NeedsRepair = true });
    }

    /// <summary>How often it was marked since it was opened.</summary>
    internal int RepairMarks => Volatile.Read(ref _repairMarks);

    /// <summary>It was compared with all others since it was marked so often; a later mark stays.</summary>
    /// <returns>Whether that is durable.</returns>
    internal Task<bool> MarkRepairedAsync(int marks) => ChangeAsync(standing => standing with { NeedsRepair = standing.NeedsRepair && RepairMarks != marks });

    /// <summary>Forgets the conflicts of a key that a write ended: somebody has looked at them.</summary>
    /// <param name="key">The user's key.</param>
    /// <param name="winner">The write that stood.</param>
    /// <returns>Whether there were any, when that they are gone is durable; null when it is not.</returns>
    public Task<bool?> DismissAsync(ReadOnlyMemory<byte> key, Dot winner) => _commits.RunAsync<bool?>(
        new(
            key.Length,
            batch =>
            {
                bool found;
                lock (_gate)
                    found = _conflicts.Has(key, winner);
                if (found)
                    batch.Dismiss(key, winner);
                return found;
            },
            _ => null),
        _ => null);

    /// <summary>From now on no request by an older configuration is served.</summary>
    /// <returns>Whether that is durable.</returns>
    public Task<bool> AdoptAsync(long configuration) => FollowAsync(configuration, epoch: 0);

    private Task<bool> FollowAsync(long configuration, long epoch) => ChangeAsync(standing => standing with
    {
        Configuration = Math.Max(standing.Configuration, configuration),
        Epoch = standing.IsJoined ? Math.Max(standing.Epoch, epoch) : standing.Epoch,
    });

    private Task<bool> ChangeAsync(Func<ReplicaStanding, ReplicaStanding> change) => _commits.RunAsync<bool>(
        new(
            0,
            batch =>
            {
                batch.Change(change(batch.Standing));
                return true;
            },
            _ => false),
        _ => false);

    private EventualOutcome Check(ReplicaStanding standing, Guid replica, long configuration) =>
        replica != Id ? EventualOutcome.UnknownReplica
        : configuration < standing.Configuration ? EventualOutcome.OldConfiguration
        : BrokenReason is not null ? EventualOutcome.Unable
        : EventualOutcome.Done;

    private LocalWrite Write(ReplicaBatch batch, EventualWrite write, long configuration, IdempotencyStamp? idempotency)
    {
        if (configuration < batch.Standing.Configuration)
            return Failed(Failure.NotApplied(ErrorCode.RangeMoved, "the partition has a newer configuration"));
        if (!batch.Standing.IsJoined)
            return Failed(Failure.NotApplied(ErrorCode.Unavailable, "the replica is joining the partition"));
        var current = batch.Current(write.Key);
        if (idempotency is not null && !Options.Has(EventualFaults.ForgetRequests) && FindRequest(batch, idempotency.Key) is { } known)
        {
            return known.Stamp.RequestHash == idempotency.RequestHash
                ? Repeated(known, current, batch.Standing.Epoch)
                : Failed(Failure.NotApplied(ErrorCode.IdempotencyMismatch, $"the idempotency key '{idempotency.Key}' was used for another request"));
        }

        var now = _clock.Now();
        if (WriteEvaluator.Evaluate(Options.Policy, current, write, NextDot(batch, current), now, Options.Faults, out var result) is { } failure)
            return Failed(failure);
        if (!batch.TrySet(write.Key, result.Set))
            return Failed(Failure.NotApplied(ErrorCode.TooManySiblings, "the values of the key do not fit a record of the log"));
        foreach (var conflict in result.Conflicts)
            batch.Note(conflict);
        AdoptIn(batch, configuration);
        var existed = current.Siblings.Any(sibling => sibling.IsVisibleAt(now));
        var context = CausalContext.Of(result.Set, write.Key.Span).Encode();
        var request = idempotency is null ? null : new RequestResult(idempotency, result.Written.Dot, result.Written.Timestamp, existed, context);
        if (request is not null)
            batch.Remember(request);
        return new(null, DottedSetCodec.Encode(result.Set), result.Written.Dot, result.Written.Timestamp, existed, batch.Standing.Epoch) { Context = context, Request = request };
    }

    private RequestResult? FindRequest(ReplicaBatch batch, string key)
    {
        if (batch.FindRequest(key) is { } added)
            return added;
        lock (_gate)
            return _requests.Find(key);
    }

    private static LocalWrite Repeated(RequestResult known, DottedSet current, long epoch) =>
        new(null, current.IsEmpty ? default(ReadOnlyMemory<byte>) : DottedSetCodec.Encode(current), known.Dot, known.Version, known.Existed, epoch)
        {
            Context = known.Context,
            Request = known,
            IsRepeated = true,
        };

    private Dot NextDot(ReplicaBatch batch, DottedSet current) => new(Id, Options.Has(EventualFaults.CounterPerKey) ? current.Context[Id] + 1 : batch.Next.Value);

    private MergeAnswer Merge(ReplicaBatch batch, MergeRequest request, (ReadOnlyMemory<byte> Key, DottedSet State)[] items)
    {
        var standing = batch.Standing;
        var outcome = Check(standing, request.Replica, request.Configuration);
        if (outcome != EventualOutcome.Done)
            return Answer(outcome, BrokenReason ?? "");
        if (!standing.IsJoined)
            return Answer(EventualOutcome.Joining, "the replica is joining the partition");
        if (request.Epoch < standing.Floor && !Options.Has(EventualFaults.IgnoreEpoch))
            return Answer(EventualOutcome.OldEpoch, $"states of epoch {request.Epoch} are not taken any more");
        foreach (var (key, state) in items)
        {
            if (MergeOne(batch, key, state) is { } problem)
                return Answer(EventualOutcome.Unable, problem);
        }

        foreach (var made in request.Requests.Where(made => FindRequest(batch, made.Stamp.Key)?.Dot != made.Dot))
            batch.Remember(made);
        AdoptIn(batch, request.Configuration);
        return Answer(EventualOutcome.Done, "") with { Configuration = batch.Standing.Configuration, NeedsRepair = batch.Standing.NeedsRepair };
    }

    private string? MergeOne(ReplicaBatch batch, ReadOnlyMemory<byte> key, DottedSet state)
    {
        // Lifts the clock where the sender's is credible. Where it is not, the state is taken all the same: writes are ordered by what they have seen.
        _clock.TryReceive(state.NewestTimestamp);
        var current = batch.Current(key);
        if (current.Covers(state))
            return null;
        var merged = ConflictRules.Merge(Options.Has(EventualFaults.KeepLaterState) ? ConflictPolicy.LastWriterWins : Options.Policy, current, state, out var losers);
        if (!batch.TrySet(key, merged))
            return "the values of the key do not fit a record of the log";
        if (losers.Count > 0)
            batch.Note(ConflictRules.Record(key, ConflictResolution.Timestamp, merged.Siblings[0].Dot, losers, merged.Siblings[0].Timestamp));
        if (Options.Has(EventualFaults.HideLosers))
            return null;
        foreach (var conflict in ConflictRules.EndedFields(Options.Policy, key, current, merged))
            batch.Note(conflict);
        return null;
    }

    private static void AdoptIn(ReplicaBatch batch, long configuration)
    {
        if (configuration > batch.Standing.Configuration)
            batch.Change(batch.Standing with { Configuration = configuration });
    }

    private RoundAnswer Step(ReplicaBatch batch, RoundRequest request)
    {
        var standing = batch.Standing;
        var outcome = Check(standing, request.Replica, request.Configuration);
        if (outcome == EventualOutcome.Done && !standing.IsJoined)
            outcome = EventualOutcome.Joining;
        if (outcome == EventualOutcome.Done && request.Step != RoundStep.Begin && (request.Round != _round || request.Mark != _roundMark))
            outcome = EventualOutcome.UnknownRound;
        if (outcome != EventualOutcome.Done)
            return new(outcome, standing.Epoch, 0, IsComplete: false);
        AdoptIn(batch, request.Configuration);
        switch (request.Step)
        {
            case RoundStep.Begin:
                if (_round != request.Round)
                    (_round, _roundMark) = (request.Round, new Lsn(batch.Next.Value - 1));
                return new(outcome, batch.Standing.Epoch, 0, IsComplete: true) { Mark = _roundMark };
            case RoundStep.Enter:
                batch.Change(batch.Standing with { Epoch = Math.Max(standing.Epoch, request.Epoch) });
                return new(outcome, batch.Standing.Epoch, 0, IsComplete: true);
            case RoundStep.Collect when standing.Epoch >= request.Epoch || Options.Has(EventualFaults.CollectEarly):
                batch.Change(batch.Standing with { Floor = Math.Max(standing.Floor, request.Epoch) });
                return Forget(batch, request);
            default:
                return new(EventualOutcome.UnknownRound, standing.Epoch, 0, IsComplete: false);
        }
    }

    private RoundAnswer Forget(ReplicaBatch batch, RoundRequest request)
    {
        List<ReadOnlyMemory<byte>> dead = [.. batch.Store.Mortal
            .Where(pair => pair.Value.Lsn <= _roundMark && pair.Value.DeadFrom <= request.NotAfter && !batch.Changes(pair.Key))
            .Select(pair => pair.Key)
            .Take(MaxForgotten + 1)];
        var complete = dead.Count <= MaxForgotten;
        if (!complete)
            dead.RemoveAt(MaxForgotten);
        batch.Forget(dead);
        return new(EventualOutcome.Done, batch.Standing.Epoch, dead.Count, complete);
    }

    private static LocalWrite Failed(Failure failure) => new(failure, default, default, default, Existed: false, Epoch: 0);

    private static MergeAnswer Answer(EventualOutcome outcome, string detail) => new(outcome, detail);
}
