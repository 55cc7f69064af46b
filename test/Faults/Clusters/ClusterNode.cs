using System.Diagnostics;
using System.Globalization;
using System.Net;
using GrainDb.Silo.Tests.Processes;

namespace GrainDb.Faults.Clusters;

/// <summary>One node: its place on the network and on disk, which stay, and its process, which comes and goes.</summary>
internal sealed class ClusterNode : IAsyncDisposable
{
    private readonly INodeNetwork _network;
    private readonly string _workingDirectory;
    private readonly string[] _arguments;
    private readonly List<string> _earlierLogs = [];
    private GrainDbProcess? _process;

    public ClusterNode(int number, INodeNetwork network, string workingDirectory, string clusterId, string bootstrap)
    {
        _network = network;
        _workingDirectory = workingDirectory;
        Number = number;
        Url = $"http://{network.AddressOf(number)}:{network.TakePort()}";
        DataRoot = Path.Combine(workingDirectory, $"data{number}");
        _arguments =
        [
            "--node", Name,
            "--http", Url,
            "--silo-port", network.TakePort().ToString(CultureInfo.InvariantCulture),
            "--gateway-port", network.TakePort().ToString(CultureInfo.InvariantCulture),
            "--advertise", network.AddressOf(number),
            "--data", DataRoot,
            "--membership", $"file:{Path.Combine(workingDirectory, "cluster")}",
            "--bootstrap", bootstrap,
            "--cluster-id", clusterId,
            .. network.Options,
        ];
    }

    public int Number { get; }

    public string Name => $"node{Number}";

    public string Url { get; }

    /// <summary>What <c>--data</c> names. A file system of its own can be mounted here while the node is down.</summary>
    public string DataRoot { get; }

    /// <summary>The node's data directory.</summary>
    public string DataDirectory => Path.Combine(DataRoot, Name);

    /// <summary>The file system of its own that the node's data is on; null when there is none.</summary>
    public SmallDisk? Disk { get; private set; }

    /// <summary>Settings that are no command line options, given to its processes from the next start on.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; set; } = new Dictionary<string, string>();

    public bool IsRunning => _process is { HasExited: false };

    /// <summary>Standard error of all its processes so far.</summary>
    public string Log => string.Concat([.. _earlierLogs, _process?.Errors ?? ""]);

    /// <summary>Whether its process ended because the others had declared it dead.</summary>
    public bool WasDeclaredDead => _process is { HasExited: true } process && process.Errors.Contains("I have been told I am dead", StringComparison.Ordinal);

    private GrainDbProcess Process => _process ?? throw new InvalidOperationException($"{Name} was never started");

    /// <summary>Gives the node, before its first start, a disk of this size.</summary>
    public void MountDisk(int megabytes) => Disk = SmallDisk.Mount(DataRoot, megabytes);

    public void Start()
    {
        if (IsRunning)
            throw new InvalidOperationException($"{Name} runs");
        Directory.CreateDirectory(DataRoot);
        if (_process is not null)
            _earlierLogs.Add(_process.Errors);
        _process = GrainDbProcess.StartThrough(_network.LauncherOf(Number), _workingDirectory, Environment, _arguments);
    }

    public Task ReadyAsync(CancellationToken cancellationToken) => Process.AnswersAsync($"{Url}/health/ready", HttpStatusCode.OK, cancellationToken);

    /// <summary>SIGKILL; the process is gone when this returns.</summary>
    public async Task KillAsync(CancellationToken cancellationToken)
    {
        Process.Kill();
        await Process.ExitAsync(cancellationToken);
    }

    /// <summary>Waits until its process has ended by itself.</summary>
    public Task EndsAsync(CancellationToken cancellationToken) => Process.ExitAsync(cancellationToken);

    public void Pause() => Process.Pause();

    public void Resume() => Process.Resume();

    /// <summary>SIGTERM; the exit code and how long it took to get there.</summary>
    public async Task<(int ExitCode, TimeSpan Took)> StopAsync(CancellationToken cancellationToken)
    {
        var took = Stopwatch.StartNew();
        Process.Terminate();
        return (await Process.ExitAsync(cancellationToken), took.Elapsed);
    }

    /// <summary>The disk is lost. The node must be down.</summary>
    public void LoseData()
    {
        if (IsRunning)
            throw new InvalidOperationException($"{Name} runs");
        Directory.Delete(DataDirectory, recursive: true);
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
            await _process.DisposeAsync();
        Disk?.Dispose();
    }
}
