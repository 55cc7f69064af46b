using System.Diagnostics;
using System.Diagnostics.Metrics;
using GrainDb.Engine.Sagas;
using GrainDb.Grains.Hosting;

namespace GrainDb.Grains.Sagas;

/// <summary>What sagas measure, and the source of their traces: one activity per attempt of a step, in the trace in which the saga was started.</summary>
internal static class SagaInstruments
{
    /// <summary>Name of the source of traces.</summary>
    public const string SourceName = "GrainDb";

    public static readonly ActivitySource Source = new(SourceName);

    public static readonly Counter<long> Started = NodeInstruments.Meter.CreateCounter<long>("graindb.saga.started", "{saga}", "Sagas that were started, by definition.");

    public static readonly Counter<long> Ended = NodeInstruments.Meter.CreateCounter<long>("graindb.saga.ended", "{saga}", "Sagas that ended, by definition and status.");

    public static readonly Counter<long> Removed = NodeInstruments.Meter.CreateCounter<long>("graindb.saga.removed", "{saga}", "Sagas that were taken away, ended longer ago than the retention.");

    public static readonly Histogram<double> Duration = NodeInstruments.Meter.CreateHistogram<double>("graindb.saga.duration", "s", "Time from a saga's start to its end, by definition and status.");

    public static readonly Histogram<double> StepDuration = NodeInstruments.Meter.CreateHistogram<double>(
        "graindb.saga.step.duration", "s", "Time of an attempt of a step or of its compensation, by service, action and result.");

    public static readonly Counter<long> Lost = NodeInstruments.Meter.CreateCounter<long>(
        "graindb.saga.appends.lost", "{append}", "Appends to a saga's log that another activation was before, or of which nobody knows: the log was read again.");

    public static void Appended(SagaEffect.Append append)
    {
        var state = append.After;
        if (append.From == 0)
            Started.Add(1, new KeyValuePair<string, object?>("definition", state.Definition.Name));
        if (state.End is not { } end)
            return;
        KeyValuePair<string, object?>[] tags = [new("definition", state.Definition.Name), new("status", SagaJson.NameOf(end))];
        Ended.Add(1, tags);
        Duration.Record((state.UpdatedAt - state.StartedAt).TotalSeconds, tags);
    }

    public static void Called(SagaStep step, bool isUndo, SagaCallStatus status, TimeSpan elapsed) => StepDuration.Record(
        elapsed.TotalSeconds,
        new KeyValuePair<string, object?>("service", step.Service),
        new KeyValuePair<string, object?>("action", isUndo ? step.Compensation : step.Action),
        new KeyValuePair<string, object?>("result", SagaJson.NameOf(status)));
}
