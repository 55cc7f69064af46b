using GrainDb.Engine.Sagas;
using GrainDb.Simulation.Core;

namespace GrainDb.Simulation.Sagas;

/// <summary>
/// Services that keep the participant protocol, reached over a network that loses, doubles and delays: a call may come long after whoever made it is gone. Every business effect is counted.
/// </summary>
internal sealed class SimulatedServices(World world, SagaProfile profile)
{
    private readonly Random _random = world.NewRandom("services");
    private readonly Dictionary<string, bool> _do = [];
    private readonly HashSet<string> _undo = [];
    private readonly Dictionary<string, int> _balance = [];
    private readonly Dictionary<string, int> _settled = [];
    private readonly HashSet<string> _markedUndone = [];

    /// <summary>Whether people have mended what makes compensations fail.</summary>
    public bool IsMended { get; set; }

    /// <summary>Whether whatever is on its way arrives and is answered.</summary>
    public bool IsCalm { get; set; }

    /// <summary>Effects of a step that were made and not undone: 0 or 1, when all is right.</summary>
    public int EffectsOf(string step) => _balance.GetValueOrDefault(step);

    /// <summary>Sends a call; the answer comes, if it comes, by <paramref name="answer"/>.</summary>
    public void Send(SagaAction.Call call, Action<SagaCallResult> answer)
    {
        var copies = !IsCalm && _random.Next(10) == 0 ? 2 : 1;
        for (var copy = 0; copy < copies; copy++)
            world.Schedule(Delay(), null, () => Arrive(call, answer));
    }

    /// <summary>The effects of a step when a person settled it last.</summary>
    public int EffectsAtSettlement(string step) => _settled.GetValueOrDefault(step);

    /// <summary>Whether a person said so, heard by the saga or not: then no inverse is made.</summary>
    public bool WasMarkedUndone(string step) => _markedUndone.Contains(step);

    /// <summary>A person's word; durable when it returns.</summary>
    public void Settle(string step, bool isDone)
    {
        _settled[step] = EffectsOf(step);
        if (!isDone)
            _markedUndone.Add(step);
        if (profile.Faults.HasFlag(SagaFaults.SettleNothing))
            return;
        if (isDone)
            _do.TryAdd(step, true);
        else
            _undo.Add(step);
    }

    private TimeSpan Delay() => TimeSpan.FromMilliseconds(!IsCalm && _random.Next(20) == 0 ? _random.Next(3_000) : 1 + _random.Next(30));

    private void Arrive(SagaAction.Call call, Action<SagaCallResult> answer)
    {
        var isFailing = !IsCalm && _random.NextDouble() < profile.Failures;
        var result = isFailing && _random.Next(2) == 0 ? new SagaCallResult(SagaCallStatus.Transient, default, "busy")
            : call.IsUndo && profile.Sticks && !IsMended ? new SagaCallResult(SagaCallStatus.Transient, default, "closed")
            : Act(call);
        if (world.Trace.IsOn)
            world.Trace.Write(world, null, $"service: {call.Step.Step.Name}{(call.IsUndo ? "/undo" : "")} attempt {call.Attempt}: {result.Status}{(isFailing ? ", answer lost or failed" : "")}");
        if (isFailing && result.Status != SagaCallStatus.Transient)
            return;
        world.Schedule(Delay(), null, () => answer(result));
    }

    private SagaCallResult Act(SagaAction.Call call)
    {
        var step = call.Step.Step.Name;
        var key = profile.Faults.HasFlag(SagaFaults.NewKeyPerAttempt) ? $"{step}#{call.Attempt}" : step;
        if (call.IsUndo)
        {
            if (_undo.Add(key) && _do.GetValueOrDefault(key) && EffectsOf(step) > 0)
                _balance[step]--;
            return new(SagaCallStatus.Completed, default, "");
        }

        if (!_do.TryGetValue(key, out var isDone))
        {
            isDone = !_undo.Contains(key) && (call.Step.Step.Kind == SagaStepKind.Retriable || _random.NextDouble() >= profile.Rejections);
            _do[key] = isDone;
            if (isDone)
                _balance[step] = EffectsOf(step) + 1;
        }

        return isDone ? new(SagaCallStatus.Completed, call.Step.Input, "") : new(SagaCallStatus.Rejected, default, "no");
    }
}
