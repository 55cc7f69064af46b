using System.Diagnostics;
using System.Diagnostics.Metrics;
using GrainDb.Api.Errors;
using GrainDb.Interfaces.Errors;

namespace GrainDb.Api.Telemetry;

/// <summary>
/// <c>graindb.operation.duration</c> of meter <c>GrainDb</c>: seconds from the first byte of an operation's handling to the
/// end of its answer, by operation, by outcome (<c>ok</c>, <c>notApplied</c>, <c>unknown</c>, <c>applied</c>) and, to tell a
/// missing key from a missing quorum, by code. Never a key or keyspace.
/// </summary>
internal sealed class ApiInstruments : IDisposable
{
    public const string MeterName = "GrainDb";
    public const string DurationName = "graindb.operation.duration";

    // One box per attribute value, so that recording allocates nothing.
    private static readonly KeyValuePair<string, object?> OkOutcome = new("outcome", "ok");
    private static readonly KeyValuePair<string, object?> OkCode = new("code", "ok");

    private readonly Meter _meter;
    private readonly Histogram<double> _duration;

    public ApiInstruments(IMeterFactory meters)
    {
        _meter = meters.Create(MeterName);
        _duration = _meter.CreateHistogram(
            DurationName,
            unit: "s",
            description: "Time that an operation took at the API.",
            tags: null,
            advice: new InstrumentAdvice<double>
            {
                HistogramBucketBoundaries = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
            });
    }

    public void Record(string operation, Failure? failure, long started)
    {
        if (!_duration.Enabled)
            return;
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        var name = new KeyValuePair<string, object?>("operation", operation);
        if (failure is null)
        {
            _duration.Record(seconds, name, OkOutcome, OkCode);
            return;
        }

        var normal = ProblemMapper.Normalize(failure);
        _duration.Record(
            seconds,
            name,
            new KeyValuePair<string, object?>("outcome", ErrorTable.NameOf(normal.Outcome)),
            new KeyValuePair<string, object?>("code", ErrorTable.Of(normal.Code).Name));
    }

    public void Dispose() => _meter.Dispose();
}
