using System.Security.Cryptography;
using System.Text.Json;
using GrainDb.Engine.Sagas;
using GrainDb.Grains.Placement;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Sagas;
using GrainDb.Interfaces.Transactions;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.Placement;

namespace GrainDb.Grains.Sagas;

/// <summary>
/// Drives one saga: carries out what its <see cref="SagaDriver"/> says, and keeps nothing that is not in the log. It goes when the saga has ended, or waits for longer than
/// <see cref="Patience"/>; the supervisor wakes it when there is something to do. Reentrant: a request must not wait for a service, and the driver is made for that.
/// </summary>
[PreferLocalPlacement]
[GrainType(GrainTypes.Saga)]
[Reentrant]
[Immovable]
internal sealed class SagaGrain(SagaLog log, SagaDefinitions definitions, SagaCalls calls, TimeProvider time, ILogger<SagaGrain> logger) : Grain, ISagaGrain, IDisposable
{
    /// <summary>A saga that waits for longer is let go of.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Of one read or append of the log.</summary>
    private static readonly TimeSpan LogTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Until a log that cannot be used is looked at again: somebody has to do something.</summary>
    private static readonly TimeSpan UnusablePause = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan ShortestTimer = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan LongestTimer = TimeSpan.FromMinutes(5);

    private readonly CancellationTokenSource _stopping = new();
    private readonly List<TaskCompletionSource> _watchers = [];
    private CancellationToken _stopped;
    private SagaDriver _driver = null!;
    private IGrainTimer? _timer;
    private bool _isDriving;
    private bool _isAsked;
    private Failure? _unusable;

    private string Id => this.GetPrimaryKeyString();

    private DateTimeOffset Now => time.GetUtcNow();

    public void Dispose() => _stopping.Dispose();

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _driver = new SagaDriver(Id, Jitter);
        _stopped = _stopping.Token;
        return Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        foreach (var watcher in _watchers)
            watcher.TrySetResult();
    }

    public async Task<SagaAnswer> StartAsync(SagaStart start, TimeSpan timeout)
    {
        var began = time.GetTimestamp();
        var (failure, definition) = start.Version is { } version
            ? await definitions.FindAsync(start.Definition, version, timeout, CancellationToken.None)
            : await definitions.FindNewestAsync(start.Definition, timeout, CancellationToken.None);
        if (failure is not null)
            return SagaAnswer.Failed(failure);
        var input = JsonSerializer.Deserialize<JsonElement>(start.Input.Span);
        return await ProposeAsync(
            done => SagaProposal.Start(Id, definition!, start.Version is not null && !start.IsSameOnAnyVersion, input, start.TraceParent, done), timeout - time.GetElapsedTime(began));
    }

    public async Task<SagaAnswer> WaitAsync(int rows, TimeSpan wait, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        var look = await ProposeAsync(SagaProposal.Look, LogTimeout);
        if (look.Failure is not null)
            return look;
        while (_driver.State is { End: null } state && state.Rows <= rows && wait - time.GetElapsedTime(began) is var left && left > TimeSpan.Zero && !_stopping.IsCancellationRequested)
        {
            var watcher = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _watchers.Add(watcher);
            DelayDeactivation(left);
            await watcher.Task.WaitAsync(left, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            _watchers.Remove(watcher);
            cancellationToken.ThrowIfCancellationRequested();
        }

        Drive(); // it may go now
        return View(isRepeated: false);
    }

    public async Task<SagaAnswer> ActAsync(SagaCommand command, IdempotencyStamp? idempotency, TimeSpan timeout)
    {
        var began = time.GetTimestamp();
        var look = await ProposeAsync(SagaProposal.Look, timeout);
        if (look.Failure is not null)
            return look;
        if (idempotency is not null)
        {
            var (failure, isRepeated) = await log.FindRepeatedAsync(Id, idempotency, timeout - time.GetElapsedTime(began));
            if (failure is not null || isRepeated)
                return failure is null ? View(isRepeated: true) : SagaAnswer.Failed(failure);
        }

        var payload = command.Payload.IsEmpty ? default : JsonSerializer.Deserialize<JsonElement>(command.Payload.Span);
        if (await SettleAsync(command, payload, timeout - time.GetElapsedTime(began)) is { } unsettled)
            return SagaAnswer.Failed(unsettled);
        return await ProposeAsync(done => SagaCommands.ToProposal(command, payload, idempotency, done), timeout - time.GetElapsedTime(began));
    }

    public Task WakeAsync()
    {
        Drive();
        return Task.CompletedTask;
    }

    private static double Jitter() => RandomNumberGenerator.GetInt32(1 << 30) / (double)(1 << 30);

    /// <summary>Has a request decided: durable, refused, or given up after the time.</summary>
    private async Task<SagaAnswer> ProposeAsync(Func<Action<SagaVerdict>, SagaProposal> make, TimeSpan timeout)
    {
        var decided = new TaskCompletionSource<SagaVerdict>(TaskCreationOptions.RunContinuationsAsynchronously);
        var proposal = make(verdict => decided.TrySetResult(verdict));
        if (_unusable is { } unusable)
            return SagaAnswer.Failed(unusable);
        if (_driver.Propose(proposal) is { } full)
            return SagaAnswer.Failed(full);
        Drive();
        if (timeout > TimeSpan.Zero)
            await ((Task)decided.Task).WaitAsync(timeout, time, _stopped).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        if (!decided.Task.IsCompleted)
        {
            var isCertain = _driver.Withdraw(proposal);
            return SagaAnswer.Failed(isCertain
                ? _unusable ?? Failure.NotApplied(ErrorCode.Unavailable, $"the log of saga {Id} could not be reached in time")
                : Failure.Unknown(ErrorCode.OutcomeUnknown, $"it may have happened, or may still happen: see the history of saga {Id}"));
        }

        return await decided.Task switch
        {
            SagaVerdict.Refused refused => SagaAnswer.Failed(refused.Why),
            SagaVerdict.Already already => View(already.IsRepeated),
            _ => View(isRepeated: false),
        };
    }

    /// <summary>What a person says of a step holds for its service first: a call that comes later must not act against it.</summary>
    private async Task<Failure?> SettleAsync(SagaCommand command, JsonElement output, TimeSpan timeout)
    {
        var began = time.GetTimestamp();
        foreach (var (step, isUndo) in SagaCommands.ToSettle(command, _driver.State!))
        {
            if (await calls.SettleAsync(_driver.State!, step, isUndo, command.Kind == SagaCommandKind.Skip, output, timeout - time.GetElapsedTime(began)) is { } why)
                return Failure.Unknown(ErrorCode.OutcomeUnknown, $"step '{step.Step.Name}' may be settled at service '{step.Step.Service}', and the saga does not know of it: {why}; repeat it");
        }

        return null;
    }

    private SagaAnswer View(bool isRepeated) => _driver.State is { } state
        ? new SagaAnswer { Saga = SagaViews.ToView(state, Now), IsRepeated = isRepeated }
        : SagaAnswer.Failed(_unusable ?? Failure.NotApplied(ErrorCode.Unavailable, $"the log of saga {Id} is being read"));

    /// <summary>Makes it go on from where it is; what is under way goes on by itself.</summary>
    private void Drive()
    {
        _isAsked = true;
        if (!_isDriving && !_stopping.IsCancellationRequested)
            _ = DriveAsync();
    }

    private async Task DriveAsync()
    {
        _isDriving = true;
        try
        {
            while (_isAsked && !_stopping.IsCancellationRequested)
            {
                _isAsked = false;
                foreach (var effect in _driver.Next(Now))
                    await PerformAsync(effect);
            }
        }
        catch (Exception exception)
        {
            SagasLog.DriveFailed(logger, exception, Id);
            DeactivateOnIdle(); // the next activation reads the log, which is all there is
        }
        finally
        {
            _isDriving = false;
        }
    }

    private async Task PerformAsync(SagaEffect effect)
    {
        switch (effect)
        {
            case SagaEffect.Load:
                await LoadAsync();
                _isAsked = true;
                break;
            case SagaEffect.Append append:
                await AppendAsync(append);
                _isAsked = true;
                break;
            case SagaEffect.Call call:
                _ = CallAsync(call.Step);
                _isAsked = true; // what else there is to wait for
                break;
            case SagaEffect.Wait wait:
                Rest(wait.Until);
                break;
        }
    }

    private async Task LoadAsync()
    {
        try
        {
            var read = await log.ReadAsync(Id, LogTimeout, _stopped);
            if (read.Failure is null)
            {
                _driver.Loaded(read.Definition, read.Rows);
                _unusable = null;
                Tell();
                return;
            }
        }
        catch (Exception exception) when (exception is InvalidDataException or JsonException)
        {
            SagasLog.Unusable(logger, exception, Id);
            _unusable = Failure.NotApplied(ErrorCode.Internal, $"the log of saga {Id} cannot be used: {exception.Message}");
        }

        if (_unusable is null)
            _driver.LoadFailed(Now);
        else
            _driver.Unusable(Now + UnusablePause);
    }

    private async Task AppendAsync(SagaEffect.Append append)
    {
        var (outcome, failure) = await log.AppendAsync(append, LogTimeout);
        _driver.Appended(outcome, Now);
        if (outcome == SagaAppendOutcome.Unknown || (outcome == SagaAppendOutcome.Lost && append.From > 0)) // the same start once more is no trouble
        {
            SagaInstruments.Lost.Add(1);
            SagasLog.ReadAgain(logger, Id, SagaJson.NameOf(outcome), failure?.Detail);
        }

        if (outcome != SagaAppendOutcome.Appended)
            return;
        SagaInstruments.Appended(append);
        SagasLog.Appended(logger, Id, append.Rows.Count, SagaJson.NameOf(append.After.StatusAt(Now)));
        if (append.After.StuckIn is { } stuck)
            SagasLog.Stuck(logger, Id, stuck, append.After.WhyHere(Now));
        Tell();
    }

    private async Task CallAsync(SagaAction.Call call)
    {
        DelayDeactivation(call.Step.Step.Timeout + LogTimeout);
        try
        {
            var result = await calls.CallAsync(_driver.State!, call, _stopped);
            _driver.Answered(call, result);
            Drive();
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // It is made again by the next activation, under the same key.
            _stopped.ThrowIfCancellationRequested();
        }
    }

    private void Tell()
    {
        foreach (var watcher in _watchers)
            watcher.TrySetResult();
    }

    private void Rest(DateTimeOffset? until)
    {
        var left = until - Now;
        _timer?.Dispose();
        _timer = null;
        if (_driver.IsIdle && _unusable is null && _watchers.Count == 0 && (left is null || left > Patience))
        {
            DeactivateOnIdle();
            return;
        }

        if (left is not { } pause)
            return;
        _timer = this.RegisterGrainTimer(
            static (self, _) => self.WakeAsync(), this, new GrainTimerCreationOptions(pause > LongestTimer ? LongestTimer : pause > ShortestTimer ? pause : ShortestTimer, Timeout.InfiniteTimeSpan) { Interleave = true });
    }
}
