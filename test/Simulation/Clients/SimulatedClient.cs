using System.Globalization;
using System.Text;
using GrainDb.Engine.Ranges;
using GrainDb.Histories;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using GrainDb.Simulation.Cluster;
using GrainDb.Simulation.Core;

namespace GrainDb.Simulation.Clients;

/// <summary>
/// One client of single keys: an operation, its answer, a pause, the next one. It routes as a node does: to where the leader was seen
/// last, elsewhere when that is not it, and it sends again only what certainly did not happen.
/// </summary>
internal sealed class SimulatedClient
{
    private const int MaxAttempts = 6;
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(800);
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(30);

    private readonly SimulatedCluster _cluster;
    private readonly SimulatedProcess _process;
    private readonly NetworkClock _clock;
    private readonly Random _random;
    private readonly Dictionary<string, SeenState> _seen = [];
    private readonly List<Timestamp> _snapshots = [];
    private readonly bool _staysWhereAnswered;
    private Timestamp _session;
    private readonly Dictionary<SimulatedRange, SimulatedNode?> _answered = [];
    private int _values;

    public SimulatedClient(SimulatedCluster cluster, int number)
    {
        _cluster = cluster;
        var name = $"client{number}";
        _random = cluster.World.NewRandom(name);
        _process = new SimulatedProcess(cluster.World, name, _random);
        _clock = new NetworkClock(_process);
        _staysWhereAnswered = number % 2 == 0;
        cluster.Network.Attach(_process);
        _process.Start(WorkAsync);
    }

    /// <summary>Whether it has its last answer.</summary>
    public bool IsDone { get; private set; }

    /// <summary>Operations that succeeded.</summary>
    public int Succeeded { get; private set; }

    private async Task WorkAsync()
    {
        while (_cluster.AreClientsWorking)
        {
            await Task.Delay(_cluster.Profile.ThinkTime * (2 * _random.NextDouble()), _clock);
            var range = _cluster.Ranges is [var only] ? only : _cluster.Ranges[_random.Next(_cluster.Ranges.Count)];
            var key = range.Key(_random.Next(_cluster.Profile.Keys));
            await (_random.NextDouble() < _cluster.Profile.ReadShare ? ReadAsync(range, key) : WriteAsync(range, key));
        }

        IsDone = true;
    }

    private Task ReadAsync(SimulatedRange range, string key) => _random.Next(4) switch
    {
        0 => ReadAsync(range, key, atLeader: true, asOf: Snapshot()),
        1 => ReadAsync(range, key, atLeader: false, asOf: _random.Next(2) == 0 ? Snapshot() : default),
        _ => ReadAsync(range, key, atLeader: true, asOf: default),
    };

    private Task WriteAsync(SimulatedRange range, string key) => _random.Next(10) switch
    {
        < 5 => WriteAsync(range, key, OperationKind.Put, default),
        < 8 => WriteAsync(range, key, OperationKind.Put, Swap(key)),
        8 => WriteAsync(range, key, OperationKind.Put, new WriteCondition(ConditionKind.NotExists, default)),
        _ when _cluster.Profile.HasTransactions => RepeatedWriteAsync(range, key),
        _ => WriteAsync(range, key, OperationKind.Delete, _random.Next(2) == 0 ? Swap(key) : default),
    };

    private WriteCondition Swap(string key) =>
        _seen.TryGetValue(key, out var seen) && !seen.IsAbsent ? new(ConditionKind.VersionEquals, seen.Version) : new(ConditionKind.NotExists, default);

    /// <summary>A snapshot that was read before, to be read again.</summary>
    private Timestamp Snapshot() => _snapshots.Count == 0 ? default : _snapshots[_random.Next(_snapshots.Count)];

    private async Task WriteAsync(SimulatedRange range, string key, OperationKind kind, WriteCondition condition)
    {
        var value = kind != OperationKind.Put ? null
            : _cluster.Profile.HasTransactions ? _cluster.Recorder.NextValue()
            : string.Create(CultureInfo.InvariantCulture, $"{_process.Name}-{++_values}");
        var operation = _cluster.History.Invoke(new Operation { Client = _process.Name, Key = key, Kind = kind, Condition = condition, Value = value, Invoked = _cluster.World.Now });
        var write = new KeyWrite(
            Encoding.UTF8.GetBytes(key),
            kind == OperationKind.Put ? WriteKind.Put : WriteKind.Delete,
            value is null ? default(ReadOnlyMemory<byte>) : Encoding.UTF8.GetBytes(value),
            "",
            condition,
            null);
        var request = new RangeWrite([write], range.Descriptor.Generation) { Level = _random.Next(10) == 0 ? WriteLevel.All : WriteLevel.Quorum, Patience = TimeSpan.FromMilliseconds(300) };
        for (var attempt = 1; ; attempt++)
        {
            var node = Route(range, attempt);
            var result = await CallAsync(range, node, $"{operation}", leader => leader.WriteAsync(request));
            _answered[range] = result is { Failure: null } ? node : null;
            if (result is null)
                return; // nobody knows
            switch (result.Failure)
            {
                case null:
                    _session = Timestamp.Later(_session, result.Version);
                    _seen[key] = kind == OperationKind.Put ? new(value, result.Version) : SeenState.Absent;
                    Return(operation with { Outcome = OperationOutcome.Ok, Version = result.Version, Existed = result.Existed, AnsweredBy = node.Name });
                    return;
                case { Code: ErrorCode.VersionMismatch } mismatch:
                    _seen[key] = new(null, mismatch.CurrentVersion);
                    Return(operation with { Outcome = OperationOutcome.Mismatch, Seen = new(null, mismatch.CurrentVersion), AnsweredBy = node.Name });
                    return;
                case { Outcome: Outcome.Unknown }:
                    return;
                case { Retryable: true } when attempt < MaxAttempts:
                    await Task.Delay(RetryPause * attempt, _clock);
                    break;
                default:
                    Return(operation with { Outcome = OperationOutcome.NotApplied, AnsweredBy = node.Name });
                    return;
            }
        }
    }

    /// <summary>A write that is sent again, under one idempotency key, until somebody says what became of it.</summary>
    private async Task RepeatedWriteAsync(SimulatedRange range, string key)
    {
        var value = _cluster.Recorder.NextValue();
        var operation = _cluster.History.Invoke(new Operation { Client = _process.Name, Key = key, Kind = OperationKind.Put, Value = value, Invoked = _cluster.World.Now });
        var write = new KeyWrite(Encoding.UTF8.GetBytes(key), WriteKind.Put, Encoding.UTF8.GetBytes(value), "", default, null);
        var request = new RangeWrite([write], range.Descriptor.Generation) { Idempotency = _cluster.Recorder.NewStamp() };
        for (var attempt = 1; attempt <= MaxAttempts; attempt++)
        {
            var node = Route(range, attempt);
            var result = await CallAsync(range, node, $"{operation} once", leader => leader.WriteAsync(request));
            if (result is { Failure: null })
            {
                Return(operation with { Outcome = OperationOutcome.Ok, Version = result.Version, Existed = result.Existed, AnsweredBy = node.Name });
                return;
            }

            await Task.Delay(RetryPause * attempt, _clock);
        }
    }

    private async Task ReadAsync(SimulatedRange range, string key, bool atLeader, Timestamp asOf)
    {
        var isStale = !atLeader || !asOf.IsZero;
        var operation = _cluster.History.Invoke(new Operation { Client = _process.Name, Key = key, Kind = OperationKind.Read, IsStaleRead = isStale, Invoked = _cluster.World.Now });
        var request = new RangeRead(Encoding.UTF8.GetBytes(key), asOf, range.Descriptor.Generation)
        {
            Consistency = atLeader ? default : new ReadConsistency(_random.Next(2) == 0 ? ReadLevel.Session : ReadLevel.Eventual, default, _session, LocalOnly: true),
        };
        for (var attempt = 1; ; attempt++)
        {
            var node = atLeader ? Route(range, attempt) : _cluster.Nodes.ElementAt(_random.Next(_cluster.Nodes.Count));
            var result = atLeader
                ? await CallAsync(range, node, $"{operation}", leader => leader.ReadAsync(request))
                : await _cluster.Network.CallAsync(_process, node.Name, $"{operation}", () => new ValueTask<ReadResult>(ReadAtFollower(range, node, request)), Patience, mayRepeat: false);
            if (atLeader)
                _answered[range] = result is { Failure: null } ? node : null;
            if (result is { Failure: null })
            {
                var seen = result.Found ? new SeenState(Encoding.UTF8.GetString(result.Value.Span), result.Version) : SeenState.Absent;
                if (request.Consistency.Level == ReadLevel.Session && !atLeader && asOf.IsZero && result.ReadTimestamp < _session)
                    _cluster.World.Fail($"a session that has seen {_session} was served at {result.ReadTimestamp}: {operation}");
                if (!isStale)
                    _seen[key] = seen;
                _session = Timestamp.Later(_session, result.Version);
                _snapshots.Add(result.ReadTimestamp);
                Return(operation with { Outcome = OperationOutcome.Ok, Seen = seen, ReadAt = result.ReadTimestamp, AnsweredBy = node.Name });
                return;
            }

            if (attempt == MaxAttempts || !atLeader || result?.Failure is { Retryable: false })
                return;
            await Task.Delay(RetryPause * attempt, _clock);
        }
    }

    private static ReadResult ReadAtFollower(SimulatedRange range, SimulatedNode node, RangeRead request) => node.NewestOf(range) is { } replica
        ? new FollowerReader(replica, range.Descriptor, KeyspacePartitioning.Range, node.Name, "local").Read(request)
        : ReadResult.Failed(Failure.NotApplied(ErrorCode.Unavailable, "no replica here"));

    /// <summary>Where it was answered last; then where a leader was placed; then anywhere.</summary>
    private SimulatedNode Route(SimulatedRange range, int attempt)
    {
        if (attempt == 1 && _staysWhereAnswered && _answered.GetValueOrDefault(range) is { } last && _random.Next(8) != 0)
            return last;
        return attempt <= 3 && range.Director.Placed is { } placed && _random.Next(8) != 0 ? placed : _cluster.Nodes.ElementAt(_random.Next(_cluster.Nodes.Count));
    }

    private Task<TResult?> CallAsync<TResult>(SimulatedRange range, SimulatedNode node, string what, Func<RangeLeader, ValueTask<TResult>> call)
        where TResult : class =>
        _cluster.Network.CallAsync(_process, node.Name, _cluster.World.Trace.IsOn ? what : "", () => AtLeader(range, node, call), Patience, mayRepeat: false);

    /// <summary>The activation that a request meets on a node; where there are two, either.</summary>
    private ValueTask<TResult> AtLeader<TResult>(SimulatedRange range, SimulatedNode node, Func<RangeLeader, ValueTask<TResult>> call)
    {
        var leaders = node.LeadersOf(range);
        if (leaders.Count > 0)
            return call(leaders[_random.Next(leaders.Count)]);
        var failure = Failure.NotApplied(ErrorCode.Unavailable, "no leader here");
        return new((TResult)(object)(typeof(TResult) == typeof(WriteResult) ? WriteResult.Failed(failure) : ReadResult.Failed(failure)));
    }

    private void Return(Operation operation)
    {
        if (operation.Outcome == OperationOutcome.Ok)
            Succeeded++;
        _cluster.History.Return(operation with { Returned = _cluster.World.Now });
    }
}
