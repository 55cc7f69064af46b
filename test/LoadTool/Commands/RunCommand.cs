using System.Diagnostics;
using System.Reflection;
using System.Text.Json;
using GrainDb.LoadTool.Http;
using GrainDb.LoadTool.Measuring;
using GrainDb.LoadTool.Transfers;
using GrainDb.LoadTool.Workloads;

namespace GrainDb.LoadTool.Commands;

/// <summary><c>loadtool run</c>: measures a workload in a closed or open loop.</summary>
internal sealed class RunCommand
{
    private static readonly string[] Options =
        ["endpoints", "metrics-endpoints", "clients", "duration", "warmup", "rate", "timeout", "json", "server-pid", .. WorkloadOptions.Names];

    private static readonly TimeSpan MetricsTimeout = TimeSpan.FromSeconds(2);

    private readonly WorkloadOptions _workload;
    private readonly Endpoint[] _endpoints;
    private readonly Endpoint[] _metricsEndpoints;
    private readonly int _clients;
    private readonly double _rate;
    private readonly TimeSpan _duration;
    private readonly TimeSpan _warmup;
    private readonly TimeSpan _timeout;
    private readonly string _json;
    private readonly int[] _servers;
    private readonly Recorder _recorder = new();

    private RunCommand(Arguments arguments)
    {
        _workload = WorkloadOptions.From(arguments);
        _endpoints = Endpoint.ParseAll(arguments.List("endpoints"));
        _metricsEndpoints = arguments.Has("metrics-endpoints") ? Endpoint.ParseAll(arguments.List("metrics-endpoints")) : _endpoints;
        _clients = arguments.Integer("clients", 64, 1, 4096);
        _rate = arguments.Number("rate", 0, 0.1, 1_000_000);
        _duration = arguments.Duration("duration", TimeSpan.FromSeconds(10), TimeSpan.FromMilliseconds(100), TimeSpan.FromHours(1));
        _warmup = arguments.Duration("warmup", TimeSpan.FromSeconds(3), TimeSpan.Zero, TimeSpan.FromMinutes(10));
        _timeout = arguments.Duration("timeout", TimeSpan.FromSeconds(15), TimeSpan.FromMilliseconds(200), TimeSpan.FromMinutes(2));
        _json = arguments.Text("json", "");
        _servers = [.. arguments.List("server-pid").Select(
            text => int.TryParse(text, out var pid) ? pid : throw new UsageException($"--server-pid {text}: must be process ids"))];
    }

    /// <summary>Runs it.</summary>
    /// <returns>0, or 1 when not a single request was answered, or when transfers made or lost money.</returns>
    public static async Task<int> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        var command = new RunCommand(Arguments.Parse(args, Options, []));
        if (!command._workload.IsTransfer)
            return await command.RunAsync(cancellationToken);
        var accounts = new TransferAccounts(command._workload.Keyspace, command._workload.Accounts);
        await command.WithOneClientAsync(session => accounts.SetUpAsync(session, cancellationToken));
        var code = await command.RunAsync(cancellationToken);
        var total = default(AccountsTotal);
        await command.WithOneClientAsync(async session => total = await accounts.AddUpAsync(session, CancellationToken.None));
        return PrintTotal(total, command._workload.Accounts, accounts.ExpectedSum) ? code : 1;
    }

    private async Task WithOneClientAsync(Func<HttpClientSession, Task> use)
    {
        using var watchdog = new Watchdog(_timeout);
        using var session = new HttpClientSession(_endpoints, 0, watchdog);
        await use(session);

        // The answer came on the socket thread, which must not run what comes now.
        await Task.Yield();
    }

    private static bool PrintTotal(AccountsTotal total, int accounts, long expectedSum)
    {
        var isKept = total.Accounts == accounts && total.Sum == expectedSum && total.Overdrawn == 0;
        Console.WriteLine(
            $"{total.Accounts} of {accounts} accounts have {total.Sum} of {expectedSum}, {total.Overdrawn} are overdrawn: "
                + (isKept ? "the sum is what it was" : "VIOLATION"));
        return isKept;
    }

    private async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        using var http = new HttpClient { Timeout = MetricsTimeout };
        using var openLoopEnd = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var workloads = _workload.ForClients(_clients);

        // Once for nothing: what it takes to read metrics is compiled by then, and does not hold up the clients at the beginning of the window.
        await Usage.ReadAsync(http, _metricsEndpoints, _servers);
        var start = Stopwatch.GetTimestamp();
        var from = start + Ticks(_warmup);
        var until = from + Ticks(_duration);
        using var openLoop = _rate > 0 ? new OpenLoop(_rate, _clients, start, until, cancellationToken) : null;
        IArrivals arrivals = openLoop is not null ? openLoop : new ClosedLoop(until, cancellationToken);

        var run = new LoadRun(_endpoints, workloads, arrivals, openLoop is not null, _recorder);
        _recorder.Measure(from, until);
        var running = run.RunAsync(_timeout, cancellationToken);

        await Task.WhenAny(running, Task.Delay(_warmup, CancellationToken.None));
        var before = await Usage.ReadAsync(http, _metricsEndpoints, _servers);
        await Task.WhenAny(running, Task.Delay(Remaining(until), CancellationToken.None));
        var after = await Usage.ReadAsync(http, _metricsEndpoints, _servers);
        await running;

        var end = Math.Min(Stopwatch.GetTimestamp(), until);
        foreach (var due in openLoop?.Untaken(end) ?? [])
            _recorder.NeverStarted(OperationOf(_workload.Name), due, end);
        if (end <= from)
        {
            Console.Error.WriteLine("interrupted before the measured window began");
            return 1;
        }

        var report = Summarize(from, end, before, after);
        ReportText.Write(report, Console.Out);
        if (_json.Length > 0)
            await File.WriteAllBytesAsync(_json, JsonSerializer.SerializeToUtf8Bytes(report, ReportJson.Default.Report), CancellationToken.None);
        return _recorder.Answered > 0 ? 0 : 1;
    }

    private Report Summarize(long from, long end, Usage before, Usage after)
    {
        var seconds = (end - from) / (double)Stopwatch.Frequency;

        // Usage is read over an interval that differs a little from the window: scaled to it.
        var operations = Math.Max(1, _recorder.Answered * (after.Timestamp - before.Timestamp) / (double)(end - from));
        double PerOperation(TimeSpan used) => used.TotalMicroseconds / operations;
        var metrics = after.Metrics.Since(before.Metrics)
            .ToDictionary(metric => metric.Key, metric => new MetricReport(metric.Value, metric.Value / operations));
        return new Report
        {
            Tool = typeof(RunCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion,
            StartedAt = DateTimeOffset.UtcNow - TimeSpan.FromSeconds(seconds),
            Options = EffectiveOptions(),
            Seconds = seconds,
            OperationsPerSecond = _recorder.Answered / seconds,
            Operations = new(_recorder.Operations.ToDictionary(pair => NameOf(pair.Key), pair => OperationReport.From(pair.Value, seconds))),
            Errors = new(_recorder.Errors.ToDictionary()),
            Unstarted = _recorder.Unstarted,
            BytesSent = _recorder.BytesSent,
            BytesReceived = _recorder.BytesReceived,
            ClientMicrosecondsPerOperation = PerOperation(after.Client - before.Client),
            ServerMicrosecondsPerOperation = _servers.Length == 0 ? null : PerOperation(after.Servers - before.Servers),
            Metrics = new(metrics),
        };
    }

    private SortedDictionary<string, object> EffectiveOptions() => new(StringComparer.Ordinal)
    {
        ["workload"] = _workload.Name,
        ["mode"] = _rate > 0 ? "open" : "closed",
        ["rate"] = _rate,
        ["clients"] = _clients,
        ["durationSeconds"] = _duration.TotalSeconds,
        ["warmupSeconds"] = _warmup.TotalSeconds,
        ["keyspace"] = _workload.Keyspace,
        ["keys"] = _workload.Keys,
        ["valueBytes"] = _workload.ValueBytes,
        ["scanLimit"] = _workload.ScanLimit,
        ["readShare"] = _workload.ReadShare,
        ["distribution"] = _workload.Distribution,
        ["accounts"] = _workload.Accounts,
        ["ranges"] = _workload.Ranges,
        ["consistency"] = _workload.Consistency,
        ["seed"] = _workload.Seed,
        ["endpoints"] = string.Join(',', _endpoints.Select(endpoint => endpoint.Address)),
    };

    private static long Ticks(TimeSpan span) => (long)(span.TotalSeconds * Stopwatch.Frequency);

    private static TimeSpan Remaining(long until)
    {
        var ticks = Math.Max(0, until - Stopwatch.GetTimestamp());
        return TimeSpan.FromSeconds(ticks / (double)Stopwatch.Frequency);
    }

    private static string NameOf(OperationKind kind) => kind switch
    {
        OperationKind.CompareAndSet => "cas",
        OperationKind.Put => "put",
        OperationKind.Get => "get",
        OperationKind.Transfer => "transfer",
        _ => "scan",
    };

    private static OperationKind OperationOf(string workload) => workload switch
    {
        "put" => OperationKind.Put,
        "cas" => OperationKind.CompareAndSet,
        "scan" => OperationKind.Scan,
        "transfer" => OperationKind.Transfer,
        _ => OperationKind.Get,
    };

    /// <summary>What was used up to an instant.</summary>
    private sealed record Usage(long Timestamp, TimeSpan Client, TimeSpan Servers, ServerMetrics Metrics)
    {
        public static async Task<Usage> ReadAsync(HttpClient http, Endpoint[] endpoints, int[] servers)
        {
            var metrics = await ServerMetrics.ReadAsync(http, endpoints, CancellationToken.None);
            var used = servers.Aggregate(TimeSpan.Zero, (sum, server) => sum + ProcessorTime.Of(server));
            return new(Stopwatch.GetTimestamp(), ProcessorTime.OfThisProcess, used, metrics);
        }
    }
}
