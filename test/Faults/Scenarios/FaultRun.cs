using System.Globalization;
using GrainDb.Faults.Checking;
using GrainDb.Faults.Clusters;
using GrainDb.Faults.Recording;
using Xunit;

namespace GrainDb.Faults.Scenarios;

/// <summary>A cluster under load, to which a scenario does harm, and what is promised about it.</summary>
internal sealed class FaultRun : IAsyncDisposable
{
    public const int Nodes = 3;

    /// <summary>Writes again in every range after a fault, whether it ended a process or made it silent.</summary>
    public static readonly TimeSpan WritesAgainWithin = TimeSpan.FromSeconds(3);

    /// <summary>A replica that was away, or was lost, is whole again. The scenarios write little.</summary>
    public static readonly TimeSpan WholeAgainWithin = TimeSpan.FromSeconds(20);

    /// <summary>A node that could not be reached has lost every lease by then.</summary>
    public static readonly TimeSpan LeaseSurelyOver = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan WorthTelling = TimeSpan.FromMilliseconds(100);

    private const int LogLines = 25;
    private const int LogLineLength = 300;
    private const int WarmOperations = 1000;

    private static readonly TimeSpan ProbePatience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan WarmTime = TimeSpan.FromSeconds(2);

    private readonly StallProbe _stalls;
    private readonly CancellationToken _cancellationToken;
    private bool _isFinished;

    private FaultRun(FaultCluster cluster, History history, Workload workload, CancellationToken cancellationToken)
    {
        Cluster = cluster;
        History = history;
        Workload = workload;
        _stalls = new StallProbe(() => history.Now);
        _cancellationToken = cancellationToken;
    }

    public FaultCluster Cluster { get; }

    public History History { get; }

    public Workload Workload { get; }

    /// <summary>How long a scenario that repeats itself goes on; null for a few rounds.</summary>
    public static TimeSpan? Duration => Environment.GetEnvironmentVariable("GRAINDB_FAULTS_SECONDS") is { Length: > 0 } text
        ? TimeSpan.FromSeconds(int.Parse(text, CultureInfo.InvariantCulture))
        : null;

    /// <summary>Starts a cluster and its clients, and lets them run warm.</summary>
    public static async Task<FaultRun> StartAsync(WorkloadOptions options, INodeNetwork network, Action<ClusterNode>? prepare, CancellationToken cancellationToken)
    {
        var cluster = await FaultCluster.StartAsync(Nodes, network, prepare, cancellationToken);
        var history = new History();
        var run = new FaultRun(cluster, history, Workload.Start(cluster.Nodes, history, options, cancellationToken), cancellationToken);
        while (history.Operations.Count < WarmOperations || history.Now < WarmTime)
            await Task.Delay(50, cancellationToken); // the load itself is the time that passes here
        return run;
    }

    public static Task<FaultRun> StartAsync(CancellationToken cancellationToken) =>
        StartAsync(new WorkloadOptions(), new LoopbackNetwork(), null, cancellationToken);

    /// <summary>The rounds of a scenario that repeats itself: this many, or as many as the time allows that was asked for.</summary>
    public IEnumerable<int> Rounds(int few)
    {
        for (var round = 1; Duration is { } duration ? History.Now < duration : round <= few; round++)
            yield return round;
    }

    /// <summary>Lets the load go on.</summary>
    public Task LoadAsync(TimeSpan time) => Task.Delay(time, _cancellationToken);

    /// <summary>Every range takes writes within <see cref="WritesAgainWithin"/> after a fault, time aside that the machine stood still; says when.</summary>
    public async Task WritesAgainAsync(string what, TimeSpan fault, IReadOnlyList<ClusterNode> through)
    {
        var again = await new WriteProbe(through, History).MeasureAsync(fault, ProbePatience, _cancellationToken);
        var stalled = _stalls.Between(fault, fault + (again ?? ProbePatience));
        Report.Say($"{what}: writes again after {(again is { } time ? $"{time.TotalMilliseconds:0} ms" : "more than " + ProbePatience.TotalSeconds + " s")}{AndStalled(stalled)}");
        Assert.True(again is not null, $"{what}: after {ProbePatience.TotalSeconds} s some range still takes no writes");
        Assert.InRange(again.Value, TimeSpan.Zero, WritesAgainWithin + stalled);
    }

    /// <summary>All nodes run, and all replicas of all ranges are there and up to date, within the bound; says when.</summary>
    public async Task WholeAgainAsync(string what)
    {
        var since = History.Now;
        var missing = await Cluster.WholeAsync(() => WholeAgainWithin + StalledSince(since), _cancellationToken);
        var took = History.Now - since;
        Report.Say($"{what}: all replicas up to date after {took.TotalMilliseconds:0} ms{AndStalled(StalledSince(since))}");
        Assert.True(missing is null, $"{what}: after {took.TotalSeconds:0} s still not up to date: {missing}");
    }

    /// <summary>How long the machine stood still since then.</summary>
    public TimeSpan StalledSince(TimeSpan from) => _stalls.Between(from, History.Now);

    /// <summary>Acknowledged operations per second of a window, without the time that the machine stood still.</summary>
    public double Rate(TimeSpan from, TimeSpan to) => Rate(from, to, _ => true);

    /// <summary>The same of those operations that are asked for.</summary>
    public double Rate(TimeSpan from, TimeSpan to, Func<Operation, bool> which) => History.Count(from, to, which) / (to - from - _stalls.Between(from, to)).TotalSeconds;

    private static string AndStalled(TimeSpan stalled) => stalled < WorthTelling ? "" : $", {stalled.TotalMilliseconds:0} ms of them the machine stood still";

    /// <summary>Ends the load and holds everything that was recorded against what is there.</summary>
    public async Task FinishAsync(params IReadOnlyCollection<string> alsoExpected)
    {
        await Workload.StopAsync();
        await new Audit(Cluster, History).AssertAsync(alsoExpected, _cancellationToken);
        _isFinished = true;
    }

    public async ValueTask DisposeAsync()
    {
        await Workload.DisposeAsync();
        await _stalls.DisposeAsync();
        if (!_isFinished)
            TellWhy();
        await Cluster.DisposeAsync();
    }

    /// <summary>
    /// A scenario that failed shows what its nodes had to say. Orleans complains at length about every call to a node that is gone; the whole
    /// logs go to a directory when one is named.
    /// </summary>
    private void TellWhy()
    {
        Report.Say(History.Summary());
        var directory = Environment.GetEnvironmentVariable("GRAINDB_FAULTS_LOGS");
        foreach (var node in Cluster.Nodes)
        {
            var log = node.Log;
            if (!string.IsNullOrEmpty(directory))
                File.WriteAllText(Path.Combine(directory, $"{TestContext.Current.TestMethod?.MethodName}.{node.Name}.log"), log);
            var lines = log.TrimEnd('\n').Split('\n').Where(line => !line.Contains(" warn: Orleans.", StringComparison.Ordinal) && !line.Contains(" fail: Orleans.", StringComparison.Ordinal))
                .Select(line => line.Length <= LogLineLength ? line : line[..LogLineLength]).ToList();
            Report.Say($"---- {node.Name}, {(node.IsRunning ? "running" : "not running")}, the last of {lines.Count} lines:\n{string.Join('\n', lines.TakeLast(LogLines))}");
        }
    }
}
