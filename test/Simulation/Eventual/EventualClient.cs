using System.Globalization;
using System.Text;
using GrainDb.Engine.Eventual;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Transactions;
using GrainDb.Simulation.Core;

namespace GrainDb.Simulation.Eventual;

/// <summary>One client: reads and writes a few keys through any node, with the contexts that it was given, and records what it was told.</summary>
internal sealed class EventualClient
{
    public static readonly string[] Keys = ["a", "b", "c", "d"];

    private static readonly string[] Names = ["p", "q", "r", "s", "t"];

    private const int MaxRepeats = 4;

    private readonly EventualCluster _cluster;
    private readonly EventualHistory _history;
    private readonly Random _random;
    private readonly SimulatedProcess _process;
    private readonly Dictionary<string, CausalContext> _seen = [];
    private readonly string _name;
    private int _puts;

    public EventualClient(EventualCluster cluster, EventualHistory history, int number)
    {
        _cluster = cluster;
        _history = history;
        _name = $"client{number}";
        _random = cluster.World.NewRandom(_name);
        _process = new SimulatedProcess(cluster.World, _name, _random);
        cluster.Network.Attach(_process);
        _process.Start(RunAsync);
    }

    public bool IsDone { get; private set; }

    public int Succeeded { get; private set; }

    private bool IsCounting => _cluster.Profile.Policy == ConflictPolicy.Counter;

    private async Task RunAsync()
    {
        while (_cluster.AreThingsBreaking)
        {
            var key = Keys[_random.Next(_cluster.Profile.Keys)];
            if (_random.Next(2) == 0)
                await ReadAsync(key);
            else if (IsCounting)
                await IncrementAsync(key);
            else if (_cluster.Profile.HasFields)
                await OperateAsync(key);
            else
                await WriteAsync(key);
            var pause = new TaskCompletionSource();
            _cluster.World.Schedule(_cluster.Profile.LongestPause * _random.NextDouble(), _process, () => pause.TrySetResult());
            await pause.Task;
        }

        IsDone = true;
    }

    private async Task ReadAsync(string key)
    {
        var node = AnyNode();
        var level = AnyLevel();
        var began = _cluster.World.Now;
        var result = await _cluster.Network.CallAsync(_process, node.Name, $"read {key}", async () => await node.ReadAsync(Encoding.UTF8.GetBytes(key), level) ?? EventualReadResult.Failed(Failure.NotApplied(ErrorCode.Unavailable, "")), _cluster.Profile.Patience, mayRepeat: false);
        if (result is not { Failure: null })
            return;
        Succeeded++;
        var set = result.State.IsEmpty ? DottedSet.Empty : DottedSetCodec.Decode(result.State);
        _history.Read(key, set, began, IsQuorum(level));
        _seen[key] = ContextOf(key, result.Context);
    }

    private async Task WriteAsync(string key)
    {
        var seen = _random.NextDouble() < _cluster.Profile.InformedShare && _seen.TryGetValue(key, out var context) ? context : CausalContext.None;
        var delete = seen != CausalContext.None && _random.NextDouble() < _cluster.Profile.DeleteShare;
        var write = new EventualWrite
        {
            Key = Encoding.UTF8.GetBytes(key),
            Kind = delete ? EventualWriteKind.Delete : EventualWriteKind.Put,
            Value = delete ? default : Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{_name}.{++_puts}")),
            Context = seen == CausalContext.None ? default : seen.Encode(),
        };
        var level = AnyLevel();
        _history.Attempt(key, seen.Seen, delete);
        if (await SendAsync(write, level) is { Failure: null } result)
        {
            Succeeded++;
            _history.Acknowledge(key, result, seen.Seen, IsQuorum(level), delete);
        }
    }

    /// <summary>Writes or removes elements of a set, fields of a map, or a register.</summary>
    private async Task OperateAsync(string key)
    {
        var policy = _cluster.Profile.Policy;
        var deletes = _random.Next(12) == 0;
        var removes = deletes || (policy != ConflictPolicy.Register && _random.NextDouble() < _cluster.Profile.DeleteShare);
        var seen = removes && _random.NextDouble() < _cluster.Profile.InformedShare ? _seen.GetValueOrDefault(key) : null;
        string[] names = policy == ConflictPolicy.Register ? [""] : [.. Names.OrderBy(_ => _random.Next()).Take(1 + _random.Next(2))];
        var value = policy == ConflictPolicy.ObservedRemoveSet || removes ? default : Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{_name}.{++_puts}"));
        var action = removes ? CrdtAction.Remove : policy == ConflictPolicy.ObservedRemoveSet ? CrdtAction.Add : CrdtAction.Set;
        var write = new EventualWrite
        {
            Key = Encoding.UTF8.GetBytes(key),
            Kind = deletes ? EventualWriteKind.Delete : EventualWriteKind.Operate,
            Operation = deletes ? null : new(action, 0, [.. names.Select(name => new CrdtField(Encoding.UTF8.GetBytes(name), value))]),
            Context = seen is null ? default : seen.Encode(),
        };
        var level = AnyLevel();
        var operation = new FieldOperation(key, deletes ? null : names, removes, seen?.Seen);
        _history.Fields.Attempt(operation);
        var result = await SendAsync(write, level);
        if (result is { Failure: null })
        {
            Succeeded++;
            _history.Fields.Acknowledge(operation, result, ContextOf(key, result.Context).Seen, IsQuorum(level));
        }
        else if (result is { Failure.Outcome: Outcome.NotApplied })
        {
            _history.Fields.Refuse(operation);
        }
    }

    private async Task IncrementAsync(string key)
    {
        var by = 1 + (long)_random.Next(9);
        var write = new EventualWrite { Key = Encoding.UTF8.GetBytes(key), Kind = EventualWriteKind.Operate, Operation = CrdtOperation.Increment(by) };
        var level = _cluster.Profile.LosesDisks ? EventualLevel.Quorum : AnyLevel();
        var stamp = _cluster.Profile.Repeats ? new IdempotencyStamp(string.Create(CultureInfo.InvariantCulture, $"{_name}.{++_puts}"), (UInt128)by, default) : null;
        var result = await SendAsync(write, level, stamp);

        // Whoever does not know asks again, and now and then somebody does who knows.
        for (var again = 0; stamp is not null && again < MaxRepeats && (result is not { Failure: null } || _random.Next(4) == 0); again++)
        {
            var later = await SendAsync(write, level, stamp);
            result = result is { Failure: null } || (result is not { Failure.Outcome: Outcome.NotApplied } && later is not { Failure: null }) ? result : later;
        }

        Succeeded += result is { Failure: null } ? 1 : 0;
        if (result is not { Failure.Outcome: Outcome.NotApplied })
            _history.Increment(key, by, isKnown: result is { Failure: null });
    }

    private Task<EventualWriteResult?> SendAsync(EventualWrite write, EventualLevel level, IdempotencyStamp? stamp = null)
    {
        var node = AnyNode();
        return _cluster.Network.CallAsync(_process, node.Name, $"{write.Kind}", () => new ValueTask<EventualWriteResult>(node.WriteAsync(write, level, stamp)), _cluster.Profile.Patience, mayRepeat: false);
    }

    private static CausalContext ContextOf(string key, ReadOnlyMemory<byte> encoded) =>
        CausalContext.TryDecode(encoded, Encoding.UTF8.GetBytes(key), out var context, out var problem) ? context : throw new InvalidOperationException(problem);

    private EventualNode AnyNode() => _cluster.Nodes[_random.Next(_cluster.Nodes.Count)];

    private EventualLevel AnyLevel() => _random.Next(6) switch { 0 => EventualLevel.One, 1 => EventualLevel.All, _ => EventualLevel.Quorum };

    private static bool IsQuorum(EventualLevel level) => level.Kind != EventualLevelKind.One;
}
