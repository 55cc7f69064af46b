using System.Collections.Concurrent;
using System.Text.Json;
using GrainDb.Engine.Sagas;
using GrainDb.Grains.Sagas;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Cluster.Tests.Sagas;

/// <summary>
/// A service that keeps the participant protocol, in memory that the nodes of a test share and that outlives them, and does at each call what the test says: by default it has its effect.
/// </summary>
internal sealed class RecordedService : ISagaService
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, JsonElement> _done = [];
    private readonly HashSet<string> _undone = [];
    private readonly List<string> _calls = [];

    public string Name => "recorded";

    public IReadOnlyDictionary<string, string?> Actions { get; } = new Dictionary<string, string?> { ["do"] = "undo" };

    /// <summary>What a call does; the key is step, or step and <c>/undo</c>. Null has the effect.</summary>
    public ConcurrentDictionary<string, Func<SagaCall, CancellationToken, Task<SagaCallResult?>>> Scripts { get; } = new();

    /// <summary>Every call that arrived: <c>saga/step</c>, with <c>/undo</c> for a compensation.</summary>
    public IReadOnlyList<string> Calls
    {
        get
        {
            lock (_gate)
                return [.. _calls];
        }
    }

    public bool HasEffect(string saga, string step)
    {
        lock (_gate)
            return _done.ContainsKey($"{saga}/{step}") && !_undone.Contains($"{saga}/{step}");
    }

    public async Task<SagaCallResult> CallAsync(SagaCall call, CancellationToken cancellationToken)
    {
        lock (_gate)
            _calls.Add($"{call.Saga}/{call.Step}{(call.IsUndo ? "/undo" : "")}");
        if (Scripts.TryGetValue(call.Step + (call.IsUndo ? "/undo" : ""), out var script) && await script(call, cancellationToken) is { } scripted)
            return scripted;
        return Act(call);
    }

    public Task<string?> SettleAsync(SagaCall call, bool isDone, JsonElement output, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            var key = $"{call.Saga}/{call.Step}";
            if (isDone)
                _done.TryAdd(key, output);
            else
                _undone.Add(key);
        }

        return Task.FromResult<string?>(null);
    }

    public Task<Failure?> ForgetAsync(IReadOnlyList<(string Saga, string Step)> steps, Timestamp cutoff, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            foreach (var (saga, step) in steps)
            {
                _done.Remove($"{saga}/{step}");
                _undone.Remove($"{saga}/{step}");
            }
        }

        return Task.FromResult<Failure?>(null);
    }

    /// <summary>The call has its effect, once.</summary>
    public SagaCallResult Act(SagaCall call)
    {
        lock (_gate)
        {
            var key = $"{call.Saga}/{call.Step}";
            if (call.IsUndo)
            {
                _undone.Add(key);
                return new SagaCallResult(SagaCallStatus.Completed, default, "");
            }

            if (_done.TryGetValue(key, out var output))
                return new SagaCallResult(SagaCallStatus.Completed, output, "");
            if (_undone.Contains(key))
                return new SagaCallResult(SagaCallStatus.Rejected, default, "it was undone before");
            return new SagaCallResult(SagaCallStatus.Completed, _done[key] = JsonSerializer.SerializeToElement(new { did = call.Step, with = call.Input }), "");
        }
    }
}
