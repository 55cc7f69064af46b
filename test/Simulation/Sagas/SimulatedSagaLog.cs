using GrainDb.Engine.Sagas;
using GrainDb.Simulation.Core;

namespace GrainDb.Simulation.Sagas;

/// <summary>The one log: rows by compare-and-set on their number, over a way on which answers are lost and appends come late.</summary>
internal sealed class SimulatedSagaLog(World world, SagaProfile profile)
{
    private readonly Random _random = world.NewRandom("log");

    public List<ReadOnlyMemory<byte>> Rows { get; } = [];

    /// <summary>Whether everything is answered.</summary>
    public bool IsCalm { get; set; }

    public void Read(Action<IReadOnlyList<ReadOnlyMemory<byte>>?> answer) => world.Schedule(Delay(), null, () =>
    {
        var rows = IsError() ? null : Rows.ToList();
        world.Schedule(Delay(), null, () => answer(rows));
    });

    public void Append(SagaEffect.Append append, Action<SagaAppendOutcome> answer)
    {
        if (IsError())
        {
            // Never, now, or long after the answer; nobody can tell which.
            var kind = _random.Next(4);
            if (kind == 0)
            {
                world.Schedule(Delay(), null, () => answer(SagaAppendOutcome.NotApplied));
                return;
            }

            if (kind > 1)
                world.Schedule(kind == 2 ? Delay() : Delay() + TimeSpan.FromMilliseconds(_random.Next(500)), null, () => TryPut(append));
            world.Schedule(Delay() * 3, null, () => answer(SagaAppendOutcome.Unknown));
            return;
        }

        world.Schedule(Delay(), null, () =>
        {
            var outcome = TryPut(append) ? SagaAppendOutcome.Appended : SagaAppendOutcome.Lost;
            world.Schedule(Delay(), null, () => answer(outcome));
        });
    }

    private bool IsError() => !IsCalm && _random.NextDouble() < profile.LogErrors;

    private TimeSpan Delay() => TimeSpan.FromMilliseconds(1 + _random.Next(8));

    private bool TryPut(SagaEffect.Append append)
    {
        var isFree = append.From == Rows.Count;
        if (!isFree && !profile.Faults.HasFlag(SagaFaults.AppendAnyway))
            return false;
        if (!isFree)
            Rows.RemoveRange(append.From, Math.Max(0, Math.Min(append.Rows.Count, Rows.Count - append.From)));
        Rows.InsertRange(Math.Min(append.From, Rows.Count), append.Rows);
        foreach (var row in append.Rows)
        {
            if (world.Trace.IsOn)
                world.Trace.Write(world, null, $"log: {SagaJson.Decode(row.Span)}");
        }

        return true;
    }
}
