using GrainDb.Engine.Sagas;
using GrainDb.Interfaces.Errors;
using GrainDb.Simulation.Core;

namespace GrainDb.Simulation.Sagas;

/// <summary>One activation: does what its driver says, as the grain does, until it crashes. What it had sent goes on without it.</summary>
internal sealed class SagaActivation
{
    private readonly World _world;
    private readonly SagaProfile _profile;
    private readonly SimulatedSagaLog _log;
    private readonly SimulatedServices _services;
    private readonly SagaDriver _driver;
    private TimeSpan _clock;
    private bool _isDriving;
    private int _timer;

    public SagaActivation(World world, SagaProfile profile, SimulatedSagaLog log, SimulatedServices services, Random random)
    {
        (_world, _profile, _log, _services) = (world, profile, log, services);
        _driver = new SagaDriver(SagaRun.Id, random.NextDouble) { Faults = profile.Faults };
    }

    public bool IsAlive { get; private set; } = true;

    public SagaState? State => _driver.State;

    public DateTimeOffset Now => DateTimeOffset.UnixEpoch + TimeSpan.FromDays(1) + _world.Elapsed + _clock;

    public void Crash() => IsAlive = false;

    public void JumpClock(TimeSpan by)
    {
        _clock += by;
        Drive();
    }

    /// <summary>Makes a request; <paramref name="done"/> is told the verdict, or null when the caller gave up and it certainly did not happen; nothing when it may have.</summary>
    public void Propose(Func<Action<SagaVerdict>, SagaProposal> make, TimeSpan patience, Action<SagaVerdict?> done)
    {
        var isDecided = false;
        var proposal = make(verdict =>
        {
            isDecided = true;
            if (IsAlive)
                done(verdict);
        });
        if (_driver.Propose(proposal) is not null)
        {
            done(null);
            return;
        }

        Drive();
        _world.Schedule(patience, null, () =>
        {
            if (IsAlive && !isDecided && _driver.Withdraw(proposal))
                done(null);
        });
    }

    public void Drive()
    {
        if (!IsAlive || _isDriving)
            return;
        _isDriving = true;
        foreach (var effect in _driver.Next(Now))
            Perform(effect);
        _isDriving = false;
    }

    private void Perform(SagaEffect effect)
    {
        switch (effect)
        {
            case SagaEffect.Load:
                _log.Read(rows => Then(() => Loaded(rows)));
                break;
            case SagaEffect.Append append:
                _log.Append(append, outcome => Then(() => _driver.Appended(outcome, Now)));
                break;
            case SagaEffect.Call call:
                Call(call.Step);
                _world.Schedule(TimeSpan.Zero, null, Drive);
                break;
            case SagaEffect.Wait wait:
                SetTimer(wait.Until);
                break;
        }
    }

    /// <summary>There is one: a later one takes its place.</summary>
    private void SetTimer(DateTimeOffset? until)
    {
        var timer = ++_timer;
        if (until is not { } moment)
            return;
        var left = moment - Now;
        _world.Schedule(left < TimeSpan.FromMilliseconds(1) ? TimeSpan.FromMilliseconds(1) : left, null, () =>
        {
            if (timer == _timer)
                Drive();
        });
    }

    private void Then(Action happened)
    {
        if (!IsAlive)
            return;
        happened();
        Drive();
    }

    private void Loaded(IReadOnlyList<ReadOnlyMemory<byte>>? rows)
    {
        if (rows is null)
            _driver.LoadFailed(Now);
        else
            _driver.Loaded(rows.Count == 0 ? null : _profile.Definition, rows);
    }

    private void Call(SagaAction.Call call)
    {
        var step = call.Step.Step.Name;
        var isScheduled = _log.Rows.Exists(row => SagaJson.Decode(row.Span) switch
        {
            SagaEvent.StepScheduled scheduled => !call.IsUndo && scheduled.Step == step,
            SagaEvent.UndoScheduled undo => call.IsUndo && undo.Step == step,
            _ => false,
        });
        if (!isScheduled)
            _world.Fail($"{step}{(call.IsUndo ? "/undo" : "")} is called and its schedule is not in the log");
        var isAnswered = false;
        _services.Send(call, result => Answer(result));
        _world.Schedule(call.Step.Step.Timeout, null, () => Answer(new SagaCallResult(SagaCallStatus.Unknown, default, "no answer in time")));

        void Answer(SagaCallResult result)
        {
            if (isAnswered)
                return;
            isAnswered = true;
            Then(() => _driver.Answered(call, result));
        }
    }

    /// <summary>What a person says, told to the service first.</summary>
    public void Settle(SagaOperatorAction action, string step, Action<SagaVerdict?> done)
    {
        if (State is not { } state || SagaMachine.WhyNot(state, action, step) is { } _)
        {
            done(new SagaVerdict.Refused(Failure.NotApplied(ErrorCode.SagaStateConflict, "not now")));
            return;
        }

        _services.Settle(step, isDone: action == SagaOperatorAction.Skip);
        Propose(finished => SagaProposal.Operator(action, step, "person", "because", default, null, finished), TimeSpan.FromSeconds(1), done);
    }
}
