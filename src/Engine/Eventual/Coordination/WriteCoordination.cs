using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Replicas;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// One write of an eventual key, coordinated by a replica of its partition: (1) the write is carried out on the own replica, which mints its dot and has it durably; (2) the state goes to all others at once;
/// (3) for each that does not take it another node is asked to keep a hint; (4) the caller is answered when the level is met, or when his time is up, while (2) and (3) go on.
/// A removal from a data type whose writer has seen more than the own replica waits before (1) until that has been fetched from the others.
/// <para>
/// A write that fails before (1) certainly never happened, and may be given to another replica. After (1) it exists: with fewer acknowledgements than the level its outcome is unknown,
/// and giving it to another replica would make two writes of it. A crash after (1) leaves the state here, and perhaps elsewhere; comparing replicas spreads it.
/// </para>
/// </summary>
public sealed class WriteCoordination
{
    private readonly EventualReplica _replica;
    private readonly IEventualTransport _transport;
    private readonly EventualOptions _options;
    private readonly TimeProvider _time;
    private readonly string _node;
    private readonly PartitionConfiguration _configuration;
    private readonly EventualLevel _level;
    private readonly bool _sloppy;
    private readonly TaskCompletionSource _decided = new();

    // Guards what follows.
    private readonly Lock _gate = new();
    private readonly Dictionary<Guid, EventualReply> _replies = [];
    private readonly HashSet<string> _hinting = [];
    private int _open;
    private bool _isOutdated;

    /// <summary>Prepares a write.</summary>
    /// <param name="replica">The own replica.</param>
    /// <param name="node">The own node.</param>
    /// <param name="transport">The way to the others.</param>
    /// <param name="options">Bounds.</param>
    /// <param name="time">For the deadline.</param>
    /// <param name="configuration">Who holds the partition.</param>
    /// <param name="level">How many must have it durably.</param>
    /// <param name="sloppy">Whether a hint counts for the replica that it is kept for.</param>
    public WriteCoordination(
        EventualReplica replica,
        string node,
        IEventualTransport transport,
        EventualOptions options,
        TimeProvider time,
        PartitionConfiguration configuration,
        EventualLevel level,
        bool sloppy)
    {
        _replica = replica;
        _node = node;
        _transport = transport;
        _options = options;
        _time = time;
        _configuration = configuration;
        _level = level;
        _sloppy = sloppy;
    }

    /// <summary>Completes when nothing of the write is under way any more, long after it was answered perhaps.</summary>
    public Task Ended { get; private set; } = Task.CompletedTask;

    /// <summary>What the own replica made of the write; null when it did not carry it out.</summary>
    public LocalWrite? Local { get; private set; }

    /// <summary>Whether another replica knows a newer configuration, and took nothing for that.</summary>
    public bool IsOutdated => Volatile.Read(ref _isOutdated);

    /// <summary>Carries it out.</summary>
    /// <param name="write">What to write.</param>
    /// <param name="idempotency">Makes a repeated request one, as long as this very replica, or one in its place, coordinates all attempts; null for none.</param>
    /// <param name="patience">How long to wait for the level, and before that for what has to be known first.</param>
    public async Task<EventualWriteResult> RunAsync(EventualWrite write, IdempotencyStamp? idempotency, TimeSpan patience)
    {
        ArgumentNullException.ThrowIfNull(write);
        if (!_configuration.Contains(_replica.Id))
            return EventualWriteResult.Failed(Failure.NotApplied(ErrorCode.RangeMoved, "this replica does not hold the partition"));
        if (!_sloppy && !Levels.IsMet(_configuration, _level, id => id == _replica.Id || IsReachable(id), _options))
            return EventualWriteResult.Failed(Failure.NotApplied(ErrorCode.Unavailable, "too few replicas are alive for this level; nothing was written"));
        var started = _time.GetTimestamp();
        if (await InquireAsync(write, idempotency, started, patience) is { } unheard)
            return EventualWriteResult.Failed(unheard) with { Coordinator = _node, Partition = _replica.Partition };
        var local = await _replica.WriteAsync(write, _configuration.Version, idempotency);
        if (local.Failure is { } failure)
            return EventualWriteResult.Failed(failure) with { Coordinator = _node, Partition = _replica.Partition };
        return await SpreadAsync(write, local, Left(started, patience));
    }

    /// <summary>
    /// Brings a write that was carried out on the own replica to the others: the rest of it, or all of it under a newer configuration when one of them refused the older one. Nothing is written again.
    /// </summary>
    /// <param name="write">What was written.</param>
    /// <param name="local">What the own replica made of it.</param>
    /// <param name="patience">How long to wait for the level.</param>
    public async Task<EventualWriteResult> SpreadAsync(EventualWrite write, LocalWrite local, TimeSpan patience)
    {
        ArgumentNullException.ThrowIfNull(write);
        ArgumentNullException.ThrowIfNull(local);
        Local = local;
        Begin(write, local);
        await WaitAsync(patience);
        return Result(local);
    }

    /// <summary>Asks the others where they may know what this replica lacks. Those that are silent leave half of the time: for the level, or for another replica to coordinate the write.</summary>
    /// <returns>Why the write cannot be carried out here; null when it can.</returns>
    private async Task<Failure?> InquireAsync(EventualWrite write, IdempotencyStamp? idempotency, long started, TimeSpan patience)
    {
        var mayBeDone = idempotency is not null && _replica.MayLackRequest(idempotency.Key);
        if (!mayBeDone && !_replica.LacksWhatGoes(write))
            return null;
        var inquiry = new WriteInquiry(_replica, _transport, _time, _configuration);
        var failure = mayBeDone ? await inquiry.AskForRequestAsync(idempotency!, Left(started, patience) / 2) : null;
        if (failure is null && _replica.LacksWhatGoes(write) && !IsKnown(idempotency))
            failure = await inquiry.CatchUpAsync(write, Left(started, patience) / 2);
        Ended = inquiry.Ended;
        return failure;
    }

    /// <summary>Whether it was carried out before: then it is not evaluated again.</summary>
    private bool IsKnown(IdempotencyStamp? idempotency) =>
        idempotency is not null && _replica.FindRequest(new RequestQuery(_replica.Id, _configuration.Version, idempotency.Key)).Result is not null;

    private TimeSpan Left(long started, TimeSpan patience)
    {
        var left = patience - _time.GetElapsedTime(started);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    private bool IsReachable(Guid id) => _transport.IsReachable(_configuration.All.First(replica => replica.Id == id).Node);

    private void Begin(EventualWrite write, LocalWrite local)
    {
        var others = _configuration.All.Where(replica => replica.Id != _replica.Id).ToList();
        lock (_gate)
        {
            _replies[_replica.Id] = EventualReply.Ok;
            if (local.State.IsEmpty)
                others.ForEach(replica => _replies[replica.Id] = EventualReply.Ok); // all of them had it, and have forgotten it
            _open = local.State.IsEmpty ? 0 : others.Count;
        }

        Decide();
        if (local.State.IsEmpty)
            return;
        var state = new KeyState(write.Key, local.State);
        Ended = Task.WhenAll([Ended, .. others.Select(replica => SpreadAsync(replica, state, local))]);
    }

    private async Task SpreadAsync(ReplicaDescriptor to, KeyState state, LocalWrite local)
    {
        var epoch = local.Epoch;
        var reply = await SendAsync(to, state, epoch, local.Request);
        Note(to, reply);
        if (reply is EventualReply.Timeout or EventualReply.Error && await HintAsync(to, state, epoch))
            Note(to, EventualReply.Hinted);
        lock (_gate)
            _open--;
        Decide();
    }

    private async Task<EventualReply> SendAsync(ReplicaDescriptor to, KeyState state, long epoch, RequestResult? request)
    {
        for (var refresh = 0; refresh < _options.MaxRefreshes; refresh++)
        {
            var answer = _transport.IsReachable(to.Node)
                ? await _transport.MergeAsync(_replica.Partition, to, new MergeRequest(to.Id, _configuration.Version, epoch, [state]) { Requests = request is null ? [] : [request] })
                : null;
            if (answer is null)
                return EventualReply.Timeout;
            if (answer.Outcome == EventualOutcome.Done)
                return EventualReply.Ok;
            if (answer.Outcome == EventualOutcome.OldConfiguration)
                Volatile.Write(ref _isOutdated, true);
            if (answer.Outcome != EventualOutcome.OldEpoch)
                return EventualReply.Error;

            // A round ended since the state was read; what stands here now shows all that it forgot.
            var now = _replica.Read(new StateRequest(_replica.Id, _configuration.Version, state.Key));
            if (now.Outcome != EventualOutcome.Done || now.State.IsEmpty)
                return EventualReply.Error;
            (state, epoch) = (state with { State = now.State }, now.Epoch);
        }

        return EventualReply.Error;
    }

    /// <summary>Finds somebody to keep a hint; each fallback stands in for one replica.</summary>
    /// <returns>Whether one is kept that may count. The own node's never does: it has the state anyway.</returns>
    private async Task<bool> HintAsync(ReplicaDescriptor target, KeyState state, long epoch)
    {
        var hint = new Hint(_replica.Partition, target, state.Key, state.State, epoch);
        foreach (var node in _configuration.Fallbacks)
        {
            lock (_gate)
            {
                if (!_transport.IsReachable(node) || !_hinting.Add(node))
                    continue;
            }

            if (await _transport.StoreHintAsync(node, hint) is { Outcome: HintOutcome.Stored })
                return true;
        }

        await _transport.StoreHintAsync(_node, hint);
        return false;
    }

    private void Note(ReplicaDescriptor replica, EventualReply reply)
    {
        lock (_gate)
            _replies[replica.Id] = reply;
        Decide();
    }

    private void Decide()
    {
        bool decided;
        lock (_gate)
            decided = _open == 0 || IsMet();
        if (decided)
            _decided.TrySetResult();
    }

    private bool IsMet() => Levels.IsMet(_configuration, _level, id => _replies.TryGetValue(id, out var reply) && (reply == EventualReply.Ok || (_sloppy && reply == EventualReply.Hinted)), _options);

    private async Task WaitAsync(TimeSpan patience)
    {
        if (_decided.Task.IsCompleted)
            return;
        using var enough = new CancellationTokenSource();
        var deadline = Task.Delay(patience, _time, enough.Token);
        await Task.WhenAny(_decided.Task, deadline);
        enough.Cancel(); // not on another thread
    }

    private EventualWriteResult Result(LocalWrite local)
    {
        lock (_gate)
        {
            var met = IsMet();
            return new()
            {
                Failure = met ? null : Failure.Unknown(ErrorCode.OutcomeUnknown, $"{_replies.Values.Count(reply => reply == EventualReply.Ok)} of {_configuration.All.Count} replicas have it; the level was not met in time"),
                Version = local.Timestamp,
                Dot = local.Dot,
                Existed = local.Existed,
                Context = local.Context,
                Coordinator = _node,
                Partition = _replica.Partition,
                IsRepeated = local.IsRepeated,
                State = local.State,
                Replicas = [.. _configuration.All.Select(replica => new EventualVote(replica.Node, _replies.GetValueOrDefault(replica.Id, met ? EventualReply.Pending : EventualReply.Timeout), "", IsStale: false))],
            };
        }
    }
}
