using System.Text.Json;
using GrainDb.Engine.Sagas;

namespace GrainDb.Engine.Tests.Sagas;

/// <summary>Drives one saga as its host does, against <see cref="SagaServices"/>, with crashes and cancels drawn from a seed.</summary>
internal sealed class SagaRun
{
    private const int MaxRounds = 20_000;

    private readonly SagaDefinition _definition;
    private readonly Random _random;
    private readonly List<(SagaAction.Call Call, SagaCallResult Result)> _answers = [];
    private DateTimeOffset _now = DateTimeOffset.UnixEpoch;

    public SagaRun(SagaDefinition definition, int seed)
    {
        _definition = definition;
        _random = new Random(seed);
        Services = new SagaServices(_random);
        Rows.Add(new SagaEvent.Started(_now, "s-1", definition.Name, definition.Version, JsonSerializer.SerializeToElement(new { amount = 1 })));
    }

    public List<SagaEvent> Rows { get; } = [];

    public SagaServices Services { get; }

    /// <summary>As after a crash: from the rows alone.</summary>
    public SagaState State => SagaState.Of(_definition, Rows);

    public void ToTheEnd()
    {
        for (var round = 0; round < MaxRounds && State.End is null; round++)
        {
            var state = State;
            if (_random.Next(40) == 0 && SagaMachine.WhyNotCancel(state) is null)
                Rows.Add(new SagaEvent.CancelRequested(_now, "test", "because"));
            else if (_random.Next(20) == 0)
                _answers.Clear(); // a crash: calls under way have their effect, and nobody hears of it
            else
                Turn(state);
        }
    }

    public string Describe() => string.Join(", ", Rows.Select(row => row.ToString())) + $" effects {Services.Describe()}";

    private void Turn(SagaState state)
    {
        if (_answers.Count > 0 && _random.Next(2) == 0)
        {
            var (call, result) = _answers[0];
            _answers.RemoveAt(0);
            if (SagaMachine.Judge(state, call, result, _now, _random.NextDouble()) is { } row)
                Rows.Add(row);
            return;
        }

        foreach (var action in SagaMachine.Next(state, _now, _answers.Select(answer => answer.Call.Step.Step.Name).ToHashSet()))
        {
            switch (action)
            {
                case SagaAction.Append append:
                    Rows.Add(append.Row);
                    break;
                case SagaAction.Call call:
                    _answers.Add((call, Services.Carry(call)));
                    break;
                case SagaAction.Wait { Until: { } until }:
                    _now = until > _now ? until : _now;
                    break;
            }
        }
    }
}
