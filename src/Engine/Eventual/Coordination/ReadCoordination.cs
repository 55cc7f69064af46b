using GrainDb.Engine.Time;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// One read of an eventual key, coordinated by a replica of its partition: (1) all replicas are asked; (2) when the level is met by those that answered, their states are merged; (3) above level one, what was
/// merged goes to those that lack it, and the caller waits until the level holds it, so that no later read of that level sees less; (4) the caller is answered, and whoever answered late or is still behind
/// is repaired beside that.
/// <para>
/// Replicas that need a repair themselves are merged and repaired, and do not count. What the read sends carries the lowest epoch of the states that it merged, so it brings nothing
/// back that was forgotten meanwhile; a replica that refuses it for that makes the read begin again.
/// </para>
/// </summary>
public sealed class ReadCoordination
{
    private readonly EventualReplica _replica;
    private readonly string _node;
    private readonly IEventualTransport _transport;
    private readonly EventualOptions _options;
    private readonly HybridLogicalClock _clock;
    private readonly TimeProvider _time;
    private readonly PartitionConfiguration _configuration;
    private readonly EventualLevel _level;

    /// <summary>Prepares a read.</summary>
    /// <param name="replica">The own replica.</param>
    /// <param name="node">The own node.</param>
    /// <param name="transport">The way to the others.</param>
    /// <param name="options">Bounds.</param>
    /// <param name="clock">By which the caller judges what has expired.</param>
    /// <param name="time">For the deadline.</param>
    /// <param name="configuration">Who holds the partition.</param>
    /// <param name="level">How many must have answered.</param>
    public ReadCoordination(
        EventualReplica replica,
        string node,
        IEventualTransport transport,
        EventualOptions options,
        HybridLogicalClock clock,
        TimeProvider time,
        PartitionConfiguration configuration,
        EventualLevel level)
    {
        _replica = replica;
        _node = node;
        _transport = transport;
        _options = options;
        _clock = clock;
        _time = time;
        _configuration = configuration;
        _level = level;
    }

    /// <summary>Completes when nothing of the read is under way any more, long after it was answered perhaps.</summary>
    public Task Ended { get; private set; } = Task.CompletedTask;

    /// <summary>Carries it out.</summary>
    /// <param name="key">The user's key.</param>
    /// <param name="patience">How long to wait for the level.</param>
    public async Task<EventualReadResult> RunAsync(ReadOnlyMemory<byte> key, TimeSpan patience)
    {
        if (!_configuration.Contains(_replica.Id))
            return EventualReadResult.Failed(Failure.NotApplied(ErrorCode.RangeMoved, "this replica does not hold the partition"));
        using var enough = new CancellationTokenSource();
        var deadline = Task.Delay(patience, _time, enough.Token);
        EventualReadResult? result = null;
        for (var attempt = 0; result is null && attempt < _options.MaxRefreshes && !deadline.IsCompleted; attempt++)
        {
            var round = new Round(this, key);
            Ended = round.RunAsync();
            await Task.WhenAny(round.Decided, deadline);
            result = round.Decide();
        }

        enough.Cancel(); // not on another thread
        return result ?? EventualReadResult.Failed(Failure.NotApplied(ErrorCode.Unavailable, "tombstones are being collected; read again"));
    }

    /// <summary>One attempt.</summary>
    private sealed class Round(ReadCoordination read, ReadOnlyMemory<byte> key)
    {
        private readonly TaskCompletionSource _decided = new();

        // Guards what follows.
        private readonly Lock _gate = new();
        private readonly Dictionary<Guid, Voice> _voices = [];
        private readonly Dictionary<Guid, EventualReply> _failed = [];
        private DottedSet? _merged;
        private long _mergedEpoch;
        private bool _repairs;
        private bool _outdated;
        private EventualReadResult? _answer;

        public Task Decided => _decided.Task;

        private bool Waits => read._level.Kind != EventualLevelKind.One && read._level != EventualLevel.Of(1) && !read._options.Has(EventualFaults.NoReadRepair);

        public async Task RunAsync()
        {
            await Task.WhenAll(read._configuration.All.Select(AskAsync).ToList());
            Decide();

            // Everybody has answered, or never will, and the caller has his answer: what came late may have brought something new.
            List<Voice> behind;
            lock (_gate)
            {
                if (_voices.Count == 0)
                    return;
                Merge();
                behind = [.. _voices.Values.Where(voice => !IsCurrent(voice))];
            }

            await Task.WhenAll(behind.Select(RepairAsync).ToList());
        }

        /// <returns>The answer, as things stand if it was not decided yet; null when the read has to begin again.</returns>
        public EventualReadResult? Decide()
        {
            lock (_gate)
            {
                if (!_outdated)
                    _answer ??= Answer();
            }

            _decided.TrySetResult();
            return _answer;
        }

        private EventualReadResult Answer()
        {
            var merged = ConflictRules.Reduce(read._replica.Options.Policy, _merged ?? DottedSet.Empty, out _);
            var met = _merged is not null && (!Waits || IsHeld());
            return new()
            {
                Failure = met ? null : Failure.NotApplied(ErrorCode.Unavailable, _merged is null ? "too few replicas answered for this level" : "what was read could not be brought to so many replicas in time"),
                State = met && !merged.IsEmpty ? DottedSetCodec.Encode(merged) : default,
                Context = met ? CausalContext.Of(merged, key.Span).Encode() : default,
                Coordinator = read._node,
                Partition = read._replica.Partition,
                Now = read._clock.Now(),
                IsRepaired = _repairs,
                Replicas = [.. read._configuration.All.Select(replica => VoteOf(replica, merged, met))],
            };
        }

        private EventualVote VoteOf(ReplicaDescriptor replica, DottedSet merged, bool met) =>
            _voices.TryGetValue(replica.Id, out var voice)
                ? new(replica.Node, voice.NeedsRepair ? EventualReply.NeedsRepair : EventualReply.Ok, voice.First.Context.ToString(), !voice.First.Covers(merged))
                : new(replica.Node, _failed.GetValueOrDefault(replica.Id, met ? EventualReply.Pending : EventualReply.Timeout), "", IsStale: false);

        private async Task AskAsync(ReplicaDescriptor replica)
        {
            var request = new StateRequest(replica.Id, read._configuration.Version, key);
            var answer = replica.Id == read._replica.Id ? read._replica.Read(request)
                : read._transport.IsReachable(replica.Node) ? await read._transport.ReadAsync(read._replica.Partition, replica, request)
                : null;
            await Task.WhenAll(Hear(replica, answer).Select(RepairAsync).ToList());
            DecideIfPossible();
        }

        /// <summary>Takes an answer in.</summary>
        /// <returns>Those that have to be repaired before the caller is answered.</returns>
        private List<Voice> Hear(ReplicaDescriptor replica, StateAnswer? answer)
        {
            lock (_gate)
            {
                if (answer is not { Outcome: EventualOutcome.Done })
                {
                    _failed[replica.Id] = answer is null ? EventualReply.Timeout : EventualReply.Error;
                    return [];
                }

                var voice = new Voice(replica, answer.State.IsEmpty ? DottedSet.Empty : DottedSetCodec.Decode(answer.State), answer.Epoch, answer.NeedsRepair);
                _voices.Add(replica.Id, voice);
                IEnumerable<Voice> news = [voice];
                if (_merged is null)
                {
                    if (!Levels.IsReadMet(read._configuration, read._level, Counts, read._options))
                        return [];
                    Merge();
                    news = _voices.Values;
                }

                List<Voice> behind = Waits ? [.. news.Where(each => !IsCurrent(each))] : [];
                _repairs |= behind.Count > 0;
                return _answer is null ? behind : [];
            }
        }

        /// <summary>Without the policy: the replicas that are repaired apply it, and record what it ends. A loser that was left out here would vanish there unseen.</summary>
        private void Merge()
        {
            _merged = _voices.Values.Aggregate(DottedSet.Empty, (merged, voice) => merged.Merge(voice.State));
            _mergedEpoch = _voices.Values.Min(voice => voice.Epoch);
        }

        private async Task RepairAsync(Voice voice)
        {
            MergeRequest request;
            DottedSet merged;
            lock (_gate)
            {
                merged = _merged!;
                request = new(voice.Replica.Id, read._configuration.Version, _mergedEpoch, [new(key, DottedSetCodec.Encode(merged))]);
            }

            var answer = voice.Replica.Id == read._replica.Id
                ? await read._replica.MergeAsync(request)
                : await read._transport.MergeAsync(read._replica.Partition, voice.Replica, request);
            lock (_gate)
            {
                if (answer is { Outcome: EventualOutcome.Done })
                    voice.State = voice.State.Merge(merged);
                _outdated |= answer is { Outcome: EventualOutcome.OldEpoch } && _answer is null && !voice.NeedsRepair;
            }

            DecideIfPossible();
        }

        private void DecideIfPossible()
        {
            bool possible;
            lock (_gate)
                possible = _outdated || (_merged is not null && (!Waits || IsHeld()));
            if (possible)
                Decide();
        }

        private bool IsHeld() => Levels.IsReadMet(read._configuration, read._level, Holds, read._options);

        private bool Counts(Guid id) => _voices.TryGetValue(id, out var voice) && (!voice.NeedsRepair || read._options.Has(EventualFaults.CountUnrepaired));

        private bool Holds(Guid id) => Counts(id) && IsCurrent(_voices[id]);

        /// <summary>A replica that has forgotten a key shows the same as one that still has the tombstone, and is not told of it again.</summary>
        private bool IsCurrent(Voice voice) =>
            voice.State.Covers(_merged!) || (voice.State.IsEmpty && _merged!.Siblings.All(sibling => sibling.IsTombstone));
    }

    /// <summary>What one replica answered, and what it has by now.</summary>
    private sealed class Voice(ReplicaDescriptor replica, DottedSet first, long epoch, bool needsRepair)
    {
        private DottedSet? _later;

        public ReplicaDescriptor Replica => replica;

        public DottedSet First => first;

        public DottedSet State
        {
            get => _later ?? first;
            set => _later = value;
        }

        public long Epoch => epoch;

        public bool NeedsRepair => needsRepair;
    }
}
