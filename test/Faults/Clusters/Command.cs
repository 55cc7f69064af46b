using System.ComponentModel;
using System.Diagnostics;

namespace GrainDb.Faults.Clusters;

/// <summary>Runs a tool of the system to its end.</summary>
internal static class Command
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <exception cref="InvalidOperationException">It is not there, did not end in time, or failed.</exception>
    public static void Run(string tool, params string[] arguments)
    {
        if (Try(tool, arguments) is { } failure)
            throw new InvalidOperationException($"{tool} {string.Join(' ', arguments)}: {failure}");
    }

    /// <returns>Null, or why it failed.</returns>
    public static string? Try(string tool, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(tool, arguments) { RedirectStandardError = true, RedirectStandardOutput = true, UseShellExecute = false })!;
            var output = process.StandardOutput.ReadToEndAsync();
            var errors = process.StandardError.ReadToEndAsync();
            if (!process.WaitForExit(Patience))
            {
                process.Kill();
                return $"no end after {Patience.TotalSeconds} s";
            }

            output.Wait();
            return process.ExitCode == 0 ? null : $"exit code {process.ExitCode}: {errors.Result.Trim()}";
        }
        catch (Win32Exception exception)
        {
            return exception.Message;
        }
    }
}
