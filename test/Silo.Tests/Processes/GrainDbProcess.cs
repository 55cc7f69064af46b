using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using GrainDb.Silo.Hosting;

namespace GrainDb.Silo.Tests.Processes;

/// <summary>The real binary in a process of its own. Killed at the end of the test if it still runs.</summary>
internal sealed partial class GrainDbProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _errors = new();

    private GrainDbProcess(string workingDirectory, IReadOnlyDictionary<string, string>? environment, IEnumerable<string> arguments, params IReadOnlyList<string> launcher)
    {
        string[] command = [.. launcher, Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "graindb.exe" : "graindb"), .. arguments];
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            UseShellExecute = false,
            WorkingDirectory = workingDirectory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (key, value) in environment ?? new Dictionary<string, string>())
            start.Environment[key] = value;
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Append(_output, line.Data);
        _process.ErrorDataReceived += (_, line) => Append(_errors, line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public string Output => Read(_output);

    public string Errors => Read(_errors);

    public bool HasExited => _process.HasExited;

    public static GrainDbProcess Start(string workingDirectory, params string[] arguments) => new(workingDirectory, null, arguments);

    public static GrainDbProcess Start(string workingDirectory, IReadOnlyDictionary<string, string> environment, params string[] arguments) =>
        new(workingDirectory, environment, arguments);

    /// <summary>Starts it by way of a command that replaces itself by it, such as <c>ip netns exec</c>.</summary>
    public static GrainDbProcess StartThrough(
        IReadOnlyList<string> launcher, string workingDirectory, IReadOnlyDictionary<string, string> environment, params string[] arguments) =>
        new(workingDirectory, environment, arguments, launcher);

    public static int FreePort() => FreePorts.Take(IPAddress.Loopback, 1)[0];

    /// <summary>Waits for the end of the process and of its output.</summary>
    public async Task<int> ExitAsync(CancellationToken cancellationToken)
    {
        await _process.WaitForExitAsync(cancellationToken).WaitAsync(Patience, cancellationToken);
        return _process.ExitCode;
    }

    /// <summary>The process ends with 0, as after a drain; else its log says why.</summary>
    public async Task EndsWellAsync(CancellationToken cancellationToken)
    {
        var code = await ExitAsync(cancellationToken);
        if (code != 0)
            throw new InvalidOperationException($"the process ended with {code}: {Errors}");
    }

    public void Terminate() => _ = SendSignal(_process.Id, 15);

    public void Kill() => _process.Kill();

    /// <summary>SIGSTOP: the process stands still between two instructions, and its kernel goes on answering for it.</summary>
    public void Pause() => _ = SendSignal(_process.Id, 19);

    /// <summary>SIGCONT.</summary>
    public void Resume() => _ = SendSignal(_process.Id, 18);

    /// <summary>Asks until the URL answers with this status; fails when the process ends before.</summary>
    public async Task<string> AnswersAsync(string url, HttpStatusCode status, CancellationToken cancellationToken)
    {
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
        var deadline = Stopwatch.StartNew();
        while (true)
        {
            if (_process.HasExited)
                throw new InvalidOperationException($"the process ended with {_process.ExitCode}: {Errors}");
            try
            {
                using var answer = await client.GetAsync(new Uri(url), cancellationToken);
                if (answer.StatusCode == status)
                    return await answer.Content.ReadAsStringAsync(cancellationToken);
            }
            catch (Exception exception) when (deadline.Elapsed < Patience
                && (exception is HttpRequestException || (exception is TaskCanceledException && !cancellationToken.IsCancellationRequested)))
            {
                // Does not listen yet, or has no time to answer.
            }

            if (deadline.Elapsed > Patience)
                throw new TimeoutException($"{url} did not answer {status}: {Errors}");
            await Task.Delay(20, cancellationToken); // between two questions to another process; there is no event to wait for
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static void Append(StringBuilder text, string? line)
    {
        if (line is null)
            return;
        lock (text)
            text.Append(line).Append('\n');
    }

    private static string Read(StringBuilder text)
    {
        lock (text)
            return text.ToString();
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SendSignal(int process, int signal);
}
