using System.Diagnostics;
using GrainDb.LoadTool.Commands;

namespace GrainDb.LoadTool.Measuring;

/// <summary>CPU time that processes have used so far.</summary>
internal static class ProcessorTime
{
    /// <summary>User and system time of one process.</summary>
    /// <exception cref="UsageException">There is no such process, or it is not readable.</exception>
    public static TimeSpan Of(int processId)
    {
        try
        {
            using var process = Process.GetProcessById(processId);
            return process.TotalProcessorTime;
        }
        catch (Exception error) when (error is ArgumentException or InvalidOperationException)
        {
            throw new UsageException($"--server-pid {processId}: no such process");
        }
    }

    /// <summary>User and system time of this process.</summary>
    public static TimeSpan OfThisProcess => Environment.CpuUsage.TotalTime;
}
