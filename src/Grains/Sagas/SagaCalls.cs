using System.Diagnostics;
using GrainDb.Engine.Sagas;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Sagas;

/// <summary>Calls services: within the step's time, measured and traced. Whatever goes wrong is a result.</summary>
internal sealed class SagaCalls(SagaServiceRegistry services, TimeProvider time, ILogger<SagaCalls> logger)
{
    /// <summary>A service that does not look at its token is left to itself so much after the step's time.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(500);

    public async Task<SagaCallResult> CallAsync(SagaState state, SagaAction.Call call, CancellationToken stopping)
    {
        var step = call.Step.Step;
        var action = call.IsUndo ? step.Compensation! : step.Action;
        using var activity = Begin(state, call, action);
        var started = time.GetTimestamp();
        var result = services.Find(step.Service) is { } service
            ? await CallAsync(service, ToCall(state.Id, call.Step, call.IsUndo, call.Attempt), stopping)
            : new SagaCallResult(SagaCallStatus.Bug, default, $"there is no service '{step.Service}'");
        SagaInstruments.Called(step, call.IsUndo, result.Status, time.GetElapsedTime(started));
        activity?.SetTag("graindb.saga.result", SagaJson.NameOf(result.Status));
        if (result.Status != SagaCallStatus.Completed)
            activity?.SetStatus(ActivityStatusCode.Error, result.Reason);
        return result;
    }

    /// <summary>Settles a step as a person said, so that no call of it that comes later has an effect.</summary>
    /// <returns>Why not; null when it is, or when there is no service that could act.</returns>
    public async Task<string?> SettleAsync(SagaState state, SagaStepState step, bool isUndo, bool isDone, System.Text.Json.JsonElement output, TimeSpan timeout)
    {
        if (services.Find(step.Step.Service) is not { } service)
            return null;
        using var ending = new CancellationTokenSource(timeout, time);
        try
        {
            return await service.SettleAsync(ToCall(state.Id, step, isUndo, step.Failed + 1), isDone, output, ending.Token).WaitAsync(timeout + Grace, time, CancellationToken.None);
        }
        catch (Exception exception) when (exception is OperationCanceledException or TimeoutException)
        {
            return "the service did not answer in time";
        }
        catch (Exception exception)
        {
            SagasLog.ServiceThrew(logger, exception, state.Id, step.Step.Service, "settle");
            return exception.Message;
        }
    }

    private static SagaCall ToCall(string saga, SagaStepState step, bool isUndo, int attempt) =>
        new(saga, step.Step.Name, isUndo ? step.Step.Compensation ?? step.Step.Action : step.Step.Action, isUndo, step.Input, attempt, step.Step.Timeout);

    private static Activity? Begin(SagaState state, SagaAction.Call call, string action)
    {
        if (!ActivityContext.TryParse(state.TraceParent, traceState: null, isRemote: true, out var parent))
            parent = default;
        var activity = SagaInstruments.Source.StartActivity($"saga {state.Definition.Name}/{call.Step.Step.Name}", ActivityKind.Internal, parent);
        activity?.SetTag("graindb.saga.id", state.Id);
        activity?.SetTag("graindb.saga.definition", $"{state.Definition.Name}/{state.Definition.Version}");
        activity?.SetTag("graindb.saga.step", call.Step.Step.Name);
        activity?.SetTag("graindb.saga.service", call.Step.Step.Service);
        activity?.SetTag("graindb.saga.action", action);
        activity?.SetTag("graindb.saga.attempt", call.Attempt);
        return activity;
    }

    private async Task<SagaCallResult> CallAsync(ISagaService service, SagaCall call, CancellationToken stopping)
    {
        using var timeout = new CancellationTokenSource(call.Timeout, time);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, stopping);
        try
        {
            return await service.CallAsync(call, ending.Token).WaitAsync(call.Timeout + Grace, time, stopping);
        }
        catch (Exception exception) when (exception is TimeoutException || (exception is OperationCanceledException && !stopping.IsCancellationRequested))
        {
            return new SagaCallResult(SagaCallStatus.Unknown, default, $"no answer within {call.Timeout.TotalSeconds} s");
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            SagasLog.ServiceThrew(logger, exception, call.Saga, service.Name, call.Action);
            return new SagaCallResult(SagaCallStatus.Unknown, default, $"the service failed: {exception.GetType().Name}");
        }
    }
}
