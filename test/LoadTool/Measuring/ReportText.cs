namespace GrainDb.LoadTool.Measuring;

/// <summary>A report for people.</summary>
internal static class ReportText
{
    /// <summary>Prints it.</summary>
    public static void Write(Report report, TextWriter to)
    {
        to.WriteLine($"{"operation",-14} {"ops/s",9} {"ok",10} {"conflict",9} {"failed",7} {"p50 ms",8} {"p90",8} {"p99",8} {"p99.9",8} {"max",8}");
        foreach (var (kind, operation) in report.Operations)
        {
            var latency = operation.LatencyMilliseconds;
            to.WriteLine(
                $"{kind,-14} {operation.SucceededPerSecond,9:F0} {operation.Succeeded,10} {operation.Conflicts,9} {operation.Failed,7} "
                    + $"{latency?.P50,8:F3} {latency?.P90,8:F3} {latency?.P99,8:F3} {latency?.P999,8:F3} {latency?.Max,8:F3}");
        }

        foreach (var (code, count) in report.Errors)
            to.WriteLine($"error {code}: {count}");
        if (report.Unstarted > 0)
            to.WriteLine($"unstarted: {report.Unstarted} requests were due and never sent; they count with the time they had waited");
        to.WriteLine(
            $"{report.OperationsPerSecond:F0} answered/s over {report.Seconds:F1} s, "
                + $"sent {report.BytesSent / 1048576.0:F1} MiB, received {report.BytesReceived / 1048576.0:F1} MiB");
        to.Write($"CPU per operation: client {report.ClientMicrosecondsPerOperation:F1} µs");
        to.WriteLine(report.ServerMicrosecondsPerOperation is { } server ? $", servers {server:F1} µs" : "");
        foreach (var (name, metric) in report.Metrics)
            to.WriteLine($"  {name,-64} {metric.Delta,14:G6} {metric.PerOperation,12:G4} per operation");
    }
}
