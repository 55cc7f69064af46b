using System.Diagnostics;
using GrainDb.LoadTool.Http;
using GrainDb.LoadTool.Workloads;
using HdrHistogram;

namespace GrainDb.LoadTool.Measuring;

/// <summary>
/// Counts what falls into the measured window. Latencies of successes, conflicts and timeouts go into histograms (a
/// timeout as what was waited); other failures are counted by code only, since a fast refusal is not a fast answer.
/// </summary>
internal sealed class Recorder
{
    /// <summary>Largest latency that is told apart, in microseconds: one hour.</summary>
    private const long MaxMicroseconds = 3_600_000_000;

    private const int SignificantDigits = 3;

    private readonly Lock _lock = new();
    private readonly Dictionary<OperationKind, OperationTotals> _operations = [];
    private readonly Dictionary<string, long> _errors = [];
    private long _from = long.MaxValue;
    private long _until = long.MaxValue;

    /// <summary>Bytes of responses within the window.</summary>
    public long BytesReceived { get; private set; }

    /// <summary>Bytes of requests answered within the window.</summary>
    public long BytesSent { get; private set; }

    /// <summary>Open loop only: requests that were due in the window and for which no client became free.</summary>
    public long Unstarted { get; private set; }

    /// <summary>Totals by kind.</summary>
    public IReadOnlyDictionary<OperationKind, OperationTotals> Operations => _operations;

    /// <summary>Failures by code.</summary>
    public IReadOnlyDictionary<string, long> Errors => _errors;

    /// <summary>
    /// Requests of all kinds whose answer, conflicts included, came within the window. Throughput is counted by this: in an
    /// overloaded open loop what is answered in the window was due before it.
    /// </summary>
    public long Answered { get; private set; }

    /// <summary>Sets the window, in <see cref="Stopwatch"/> timestamps.</summary>
    public void Measure(long from, long until)
    {
        lock (_lock)
            (_from, _until) = (from, until);
    }

    /// <summary>One request is over.</summary>
    /// <param name="kind">What it did.</param>
    /// <param name="verdict">How it ended.</param>
    /// <param name="counts">The instant by which it belongs to the window or not.</param>
    /// <param name="startedAt">When its latency begins: when it was sent, or, in an open loop, when it was due.</param>
    /// <param name="endedAt">When its latency ends.</param>
    /// <param name="sent">Bytes of the request.</param>
    /// <param name="received">Bytes of the response.</param>
    public void Completed(OperationKind kind, Verdict verdict, long counts, long startedAt, long endedAt, int sent, int received)
    {
        lock (_lock)
        {
            if (IsMeasured(endedAt))
            {
                BytesSent += sent;
                BytesReceived += received;
                Answered += verdict.Kind == VerdictKind.Failure ? 0 : 1;
                Totals(kind).SucceededInWindow += verdict.Kind == VerdictKind.Success ? 1 : 0;
            }

            if (!IsMeasured(counts))
                return;
            var totals = Totals(kind);
            switch (verdict.Kind)
            {
                case VerdictKind.Success:
                    totals.Succeeded++;
                    break;
                case VerdictKind.Conflict:
                    totals.Conflicts++;
                    break;
                default:
                    totals.Failed++;
                    _errors[verdict.Code!] = _errors.GetValueOrDefault(verdict.Code!) + 1;
                    break;
            }

            if (verdict.Kind != VerdictKind.Failure || verdict.Code == TransportErrors.Timeout)
                Record(totals.Latency, endedAt - startedAt);
        }
    }

    /// <summary>
    /// Open loop: a request was due and never sent. It counts with the time that it had waited, a lower bound: leaving it
    /// out would make an overloaded server look fast.
    /// </summary>
    public void NeverStarted(OperationKind kind, long dueAt, long endedAt)
    {
        lock (_lock)
        {
            if (!IsMeasured(dueAt))
                return;
            Unstarted++;
            Record(Totals(kind).Latency, endedAt - dueAt);
        }
    }

    private bool IsMeasured(long timestamp) => timestamp >= _from && timestamp < _until;

    private static void Record(LongHistogram histogram, long ticks) =>
        histogram.RecordValue(Math.Clamp((long)(ticks * 1e6 / Stopwatch.Frequency), 0, MaxMicroseconds));

    private OperationTotals Totals(OperationKind kind)
    {
        if (!_operations.TryGetValue(kind, out var totals))
            _operations[kind] = totals = new(new LongHistogram(MaxMicroseconds, SignificantDigits));
        return totals;
    }
}

/// <summary>What one kind of request came to.</summary>
/// <param name="latency">In microseconds.</param>
internal sealed class OperationTotals(LongHistogram latency)
{
    /// <summary>Done as asked; in an open loop, of the requests that were due in the window.</summary>
    public long Succeeded { get; set; }

    /// <summary>Done as asked, the answer within the window. Differs from <see cref="Succeeded"/> in an open loop only.</summary>
    public long SucceededInWindow { get; set; }

    /// <summary>Answered, but the condition did not hold.</summary>
    public long Conflicts { get; set; }

    /// <summary>Errors of any kind.</summary>
    public long Failed { get; set; }

    /// <summary>Latencies in microseconds.</summary>
    public LongHistogram Latency { get; } = latency;
}
