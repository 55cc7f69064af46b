using System.Text.Json;
using GrainDb.Engine.Sagas;
using GrainDb.Simulation.Core;

namespace GrainDb.Simulation.Sagas;

/// <summary>What one seed gave.</summary>
/// <param name="Seed">The seed.</param>
/// <param name="Violations">Broken promises; none is what is hoped for.</param>
/// <param name="End">How the saga ended; null when it did not.</param>
/// <param name="Crashes">Crashes of activations.</param>
/// <param name="Undos">Steps that were undone.</param>
/// <param name="Interventions">What people did.</param>
internal sealed record SagaRunResult(int Seed, IReadOnlyList<string> Violations, SagaStatus? End, int Crashes, int Undos, int Interventions);

/// <summary>
/// One run: one saga, carried out by activations that crash at any moment and live beside each other, over a log and services that fail in every way; people cancel, signal, pause, and help what is stuck.
/// Then everything is calm, it has to end, and what is left of its effects is judged after the last late call has arrived.
/// </summary>
internal sealed class SagaRun
{
    public const string Id = "s-1";

    private static readonly TimeSpan Trouble = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan EndWithin = TimeSpan.FromHours(2);
    private static readonly TimeSpan LastCallsWithin = TimeSpan.FromSeconds(10);

    private readonly World _world;
    private readonly SagaProfile _profile;
    private readonly SimulatedSagaLog _log;
    private readonly SimulatedServices _services;
    private readonly Random _random;
    private readonly List<SagaActivation> _activations = [];
    private readonly HashSet<string> _saidDone = [];
    private readonly HashSet<string> _saidNever = [];
    private readonly HashSet<string> _byHand = [];
    private int _crashes;
    private int _interventions;
    private int _signals;
    private bool _isCalm;

    private SagaRun(World world, SagaFaults faults)
    {
        _world = world;
        _profile = SagaProfile.Draw(world.NewRandom("profile"), faults);
        _random = world.NewRandom("people");
        _log = new SimulatedSagaLog(world, _profile);
        _services = new SimulatedServices(world, _profile);
    }

    public static SagaRunResult One(int seed, SagaFaults faults, Trace trace)
    {
        var run = new SagaRun(new World(seed, trace), faults);
        try
        {
            run.Run();
        }
        catch (Exception exception) when (exception is InvalidDataException or JsonException)
        {
            run._world.Fail($"the log is none: {exception.Message}");
        }

        var rows = run.Decoded();
        return new(seed, [.. run._world.Failures], rows.OfType<SagaEvent.Ended>().FirstOrDefault()?.Status, run._crashes, rows.OfType<SagaEvent.UndoCompleted>().Count(), run._interventions);
    }

    private void Run()
    {
        Start();
        Supervise();
        Crash();
        Interfere();
        _world.RunUntil(() => false, Trouble);
        _isCalm = _log.IsCalm = _services.IsCalm = true;
        if (!_world.RunUntil(HasEnded, EndWithin) && _world.Failures.Count == 0)
            _world.Fail($"it does not end: {string.Join(", ", Decoded().TakeLast(12))}");
        var rows = _log.Rows.Count;
        _world.RunUntil(() => false, LastCallsWithin);
        if (_world.Failures.Count == 0)
            Judge(rows);
    }

    private List<SagaEvent> Decoded() => _log.Rows.ConvertAll(row => SagaJson.Decode(row.Span));

    private bool HasEnded() => _log.Rows.Count > 0 && SagaJson.Decode(_log.Rows[^1].Span) is SagaEvent.Ended;

    /// <summary>A caller tries until it is told that it started.</summary>
    private void Start() => Someone().Propose(
        done => SagaProposal.Start(Id, _profile.Definition, isVersionFixed: true, JsonSerializer.SerializeToElement(1), null, done),
        TimeSpan.FromMilliseconds(200),
        verdict =>
        {
            if (verdict is SagaVerdict.Refused refused)
                _world.Fail($"the start is refused: {refused.Why.Detail}");
            if (verdict is null)
                _world.Schedule(TimeSpan.FromMilliseconds(50), null, Start);
        });

    /// <summary>Any living activation, or a new one where there is room.</summary>
    private SagaActivation Someone()
    {
        _activations.RemoveAll(activation => !activation.IsAlive);
        if (_activations.Count == 0 || (_activations.Count < _profile.Activations && _random.Next(3) == 0))
            _activations.Add(new SagaActivation(_world, _profile, _log, _services, _world.NewRandom($"activation{_crashes}{_activations.Count}")));
        return _activations[_random.Next(_activations.Count)];
    }

    private void Supervise()
    {
        // Who started it may have crashed before it was durable: then the caller tries again.
        if (_log.Rows.Count == 0)
            Start();
        Someone().Drive();
        _world.Schedule(TimeSpan.FromMilliseconds(_isCalm ? 2_000 : 300), null, Supervise);
    }

    private void Crash()
    {
        if (_profile.Crashes == TimeSpan.Zero)
            return;
        _world.Schedule(_profile.Crashes * (_random.NextDouble() * 2), null, () =>
        {
            if (_isCalm)
                return;
            Someone().Crash();
            _crashes++;
            Crash();
        });
    }

    private void Interfere() => _world.Schedule(TimeSpan.FromMilliseconds(_random.Next(_isCalm ? 2_000 : 300)), null, () =>
    {
        switch (_random.Next(6))
        {
            case 0 when _profile.ClockJump > TimeSpan.Zero && !_isCalm:
                Someone().JumpClock(_profile.ClockJump * ((_random.NextDouble() * 2) - 1));
                break;
            case 1 when _profile.Cancels && !_isCalm && _random.Next(4) == 0:
                Ask(done => SagaProposal.Cancel("person", "because", null, done), null);
                break;
            case 2:
                Ask(done => SagaProposal.Operator(_isCalm || _random.Next(2) == 0 ? SagaOperatorAction.Resume : SagaOperatorAction.Pause, null, "person", "because", default, null, done), null);
                break;
            case 3 when _log.Rows.Count > 0:
                // Signals that steps wait for, and others whose names are used once, by which one can tell what became of a request.
                var name = _random.Next(2) == 0 ? $"signal{_random.Next(3)}" : $"once{_signals++}";
                Ask(done => SagaProposal.Signal(name, default, null, done), name);
                break;
            case 4:
                Help();
                break;
            case 5 when _isCalm:
                _services.IsMended = true;
                break;
        }

        if (!HasEnded())
            Interfere();
    });

    private void Ask(Func<Action<SagaVerdict>, SagaProposal> make, string? signal) => Someone().Propose(make, TimeSpan.FromMilliseconds(100), verdict =>
    {
        _interventions++;
        if (signal is null || !signal.StartsWith("once", StringComparison.Ordinal))
            return;
        if (verdict is SagaVerdict.Row or SagaVerdict.Already)
            _saidDone.Add(signal);
        else
            _saidNever.Add(signal);
    });

    /// <summary>Where it is stuck, a person takes the step for undone, or for done; now and then one loses patience with a step that is under way, which may have had its effect.</summary>
    private void Help()
    {
        var activation = Someone();
        if (activation.State is { StuckIn: null, IsBackward: false, End: null } running && !_isCalm && _random.Next(8) == 0
            && running.Steps.FirstOrDefault(each => each.Status == SagaStepStatus.Scheduled) is { } slow)
        {
            _byHand.Add(slow.Step.Name);
            activation.Settle(SagaOperatorAction.Skip, slow.Step.Name, _ => _interventions++);
            return;
        }

        if (activation.State is not { StuckIn: { } step, End: null } state)
            return;
        var action = state.IsBackward ? SagaOperatorAction.MarkUndone : SagaOperatorAction.Skip;
        if (_random.Next(2) == 0)
            action = SagaOperatorAction.Retry;
        if (action == SagaOperatorAction.Retry)
        {
            Ask(done => SagaProposal.Operator(action, step, "person", "because", default, null, done), null);
            return;
        }

        _byHand.Add(step);
        activation.Settle(action, step, _ => _interventions++);
    }

    private void Judge(int rows)
    {
        var log = Decoded();
        if (log.Count != rows || log.Count(row => row is SagaEvent.Ended) != 1)
            _world.Fail($"the log goes on after the end, or ends twice: {string.Join(", ", log.TakeLast(6))}");
        var state = SagaState.Of(_profile.Definition, log);
        foreach (var step in state.Steps)
        {
            var effects = _services.EffectsOf(step.Step.Name);
            if (effects > 1)
                _world.Fail($"{step.Step.Name} has {effects} effects");
            if (_byHand.Contains(step.Step.Name))
                JudgeByHand(log, step.Step.Name, effects);
            else if ((state.End == SagaStatus.Completed) != (effects == 1))
                _world.Fail($"it is {state.End}, and {step.Step.Name} has {effects} effects: {string.Join(", ", log)}");
        }

        var undone = log.OfType<SagaEvent.UndoScheduled>().Select(row => _profile.Definition.GroupOf(_profile.Definition.Steps.ToList().FindIndex(step => step.Name == row.Step)).First).ToList();
        if (!undone.SequenceEqual(undone.OrderDescending()))
            _world.Fail("steps are undone in another order than the reverse");
        if (log.Exists(row => row is SagaEvent.PivotPassed) && undone.Count > 0)
            _world.Fail("it went back behind its pivot");
        foreach (var signal in _saidDone.Where(signal => !state.Signals.ContainsKey(signal)))
            _world.Fail($"{signal} was said to be durable, and is not there");
        foreach (var signal in _saidNever.Where(signal => state.Signals.ContainsKey(signal) && !_saidDone.Contains(signal)))
            _world.Fail($"{signal} was said to be certainly not there, and is");
    }

    /// <summary>After a person's word no call acts any more: what was there when it was said stays as it is, nothing is added. What was taken for done is undone on the way back as if it were.</summary>
    private void JudgeByHand(List<SagaEvent> log, string step, int effects)
    {
        var settled = log.OfType<SagaEvent.Operator>().LastOrDefault(row => row.Step == step && row.Action is SagaOperatorAction.MarkUndone or SagaOperatorAction.Skip);
        if (settled is null)
            return;
        var isUndone = log.OfType<SagaEvent.UndoCompleted>().Any(row => row.Step == step) || log.OfType<SagaEvent.Ended>().Any(row => row.Status == SagaStatus.Compensated);
        if (settled.Action == SagaOperatorAction.Skip && isUndone && !_services.WasMarkedUndone(step))
        {
            if (effects != 0)
                _world.Fail($"{step} was taken for done by a person, the saga went back, and {effects} effects are left");
        }
        else if (effects != _services.EffectsAtSettlement(step))
        {
            _world.Fail($"{step} was settled by a person, and a call acted afterwards");
        }
    }
}
