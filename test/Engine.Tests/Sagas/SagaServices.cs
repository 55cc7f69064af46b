using GrainDb.Engine.Sagas;

namespace GrainDb.Engine.Tests.Sagas;

/// <summary>Services that keep the participant protocol, and fail in every way that it allows.</summary>
internal sealed class SagaServices(Random random)
{
    private readonly Dictionary<string, bool> _done = [];
    private readonly HashSet<string> _undone = [];

    public bool HasEffect(string step) => _done.GetValueOrDefault(step) && !_undone.Contains(step);

    public string Describe() => string.Join(' ', _done.Where(done => HasEffect(done.Key)).Select(done => done.Key));

    public SagaCallResult Carry(SagaAction.Call call)
    {
        var name = call.Step.Step.Name;
        switch (random.Next(4))
        {
            case 0:
                return new(SagaCallStatus.Transient, default, "busy");
            case 1:
                Act(call, name);
                return new(SagaCallStatus.Unknown, default, "no answer");
            default:
                return Act(call, name);
        }
    }

    private SagaCallResult Act(SagaAction.Call call, string name)
    {
        if (call.IsUndo)
        {
            _undone.Add(name);
            return new(SagaCallStatus.Completed, default, "");
        }

        if (_undone.Contains(name))
            return new(SagaCallStatus.Rejected, default, "it was undone before");
        if (!_done.ContainsKey(name))
            _done[name] = call.Step.Step.Kind == SagaStepKind.Retriable || random.Next(5) != 0;
        return _done[name] ? new(SagaCallStatus.Completed, default, "") : new(SagaCallStatus.Rejected, default, "no stock");
    }
}
