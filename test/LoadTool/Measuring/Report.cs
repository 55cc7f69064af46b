using System.Text.Json.Serialization;
using HdrHistogram;

namespace GrainDb.LoadTool.Measuring;

/// <summary>What a run came to; written as JSON with these names in camel case (see README.md).</summary>
internal sealed record Report
{
    /// <summary>Version of this tool with the commit that it was built from.</summary>
    public required string Tool { get; init; }

    /// <summary>When the measured window began.</summary>
    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>The effective options.</summary>
    public required SortedDictionary<string, object> Options { get; init; }

    /// <summary>Length of the measured window.</summary>
    public required double Seconds { get; init; }

    /// <summary>Requests per second whose answer came within the window, all kinds, conflicts included.</summary>
    public required double OperationsPerSecond { get; init; }

    /// <summary>Figures by kind.</summary>
    public required SortedDictionary<string, OperationReport> Operations { get; init; }

    /// <summary>Failures by code.</summary>
    public required SortedDictionary<string, long> Errors { get; init; }

    /// <summary>Open loop: due and never sent.</summary>
    public required long Unstarted { get; init; }

    /// <summary>Bytes of requests.</summary>
    public required long BytesSent { get; init; }

    /// <summary>Bytes of responses.</summary>
    public required long BytesReceived { get; init; }

    /// <summary>CPU of this tool per answered request, in microseconds.</summary>
    public required double ClientMicrosecondsPerOperation { get; init; }

    /// <summary>CPU of the servers per answered request, in microseconds, over all processes named; null when none was.</summary>
    public required double? ServerMicrosecondsPerOperation { get; init; }

    /// <summary>Growth of the servers' counters; empty when they serve none.</summary>
    public required SortedDictionary<string, MetricReport> Metrics { get; init; }
}

/// <summary>What one kind of request came to.</summary>
internal sealed record OperationReport
{
    /// <summary>Done as asked; open loop: of the requests due in the window.</summary>
    public required long Succeeded { get; init; }

    /// <summary>Conditions that did not hold.</summary>
    public required long Conflicts { get; init; }

    /// <summary>Errors.</summary>
    public required long Failed { get; init; }

    /// <summary>Successes per second, by when the answer came.</summary>
    public required double SucceededPerSecond { get; init; }

    /// <summary>Latencies in milliseconds; null when nothing was measured.</summary>
    public required LatencyReport? LatencyMilliseconds { get; init; }

    /// <summary>Summarizes the totals of a window.</summary>
    public static OperationReport From(OperationTotals totals, double seconds) => new()
    {
        Succeeded = totals.Succeeded,
        Conflicts = totals.Conflicts,
        Failed = totals.Failed,
        SucceededPerSecond = totals.SucceededInWindow / seconds,
        LatencyMilliseconds = totals.Latency.TotalCount == 0 ? null : LatencyReport.From(totals.Latency),
    };
}

/// <summary>Percentiles in milliseconds.</summary>
internal sealed record LatencyReport(double Mean, double P50, double P90, double P99, [property: JsonPropertyName("p99.9")] double P999, double Max)
{
    private const double MicrosecondsPerMillisecond = 1000;

    /// <summary>Reads them off a histogram of microseconds.</summary>
    public static LatencyReport From(LongHistogram histogram)
    {
        double At(double percentile) => histogram.GetValueAtPercentile(percentile) / MicrosecondsPerMillisecond;
        return new(histogram.GetMean() / MicrosecondsPerMillisecond, At(50), At(90), At(99), At(99.9), At(100));
    }
}

/// <summary>Growth of one counter.</summary>
internal sealed record MetricReport(double Delta, double PerOperation);

/// <summary>Reports as JSON.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(Report))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(int))]
[JsonSerializable(typeof(double))]
internal sealed partial class ReportJson : JsonSerializerContext;
