using System.Diagnostics;
using System.Net;
using GrainDb.Interfaces.Nodes;
using GrainDb.Silo.Clustering;
using GrainDb.Silo.Configuration;

namespace GrainDb.Silo.Hosting;

/// <summary>Runs the nodes of this process from start to drain.</summary>
public sealed class Server : IAsyncDisposable
{
    /// <summary>From the signal to the end of the process, with a second to spare of the 15 that an operator was promised.</summary>
    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(14);

    /// <summary>How much of it a start that is under way may take to finish.</summary>
    private static readonly TimeSpan LateStartTime = TimeSpan.FromSeconds(8);

    /// <summary>
    /// How long a node that drains goes on serving as before: load balancers see that it is not ready, and each answer ends its connection, so that
    /// clients come with fewer of them.
    /// </summary>
    private static readonly TimeSpan LeaveTime = TimeSpan.FromMilliseconds(500);

    private readonly ServerOptions _options;
    private readonly IConfiguration _configuration;
    private readonly TextWriter _output;
    private readonly TextWriter _errors;
    private readonly NodeReadiness _readiness = new();
    private readonly HttpConnections _connections = new(TimeProvider.System);
    private readonly StartPhase _start = new();
    private readonly List<(string Name, IHost Host)> _hosts = [];
    private readonly Stopwatch _stopping = new();
    private FileLock? _dataLock;
    private bool _abandoned;

    /// <param name="options">What to run.</param>
    /// <param name="configuration">For the <c>Logging</c> section.</param>
    /// <param name="output">Gets the ready lines.</param>
    /// <param name="errors">Gets everything else that a person reads.</param>
    public Server(ServerOptions options, IConfiguration configuration, TextWriter output, TextWriter errors)
    {
        _options = options;
        _configuration = configuration;
        _output = output;
        _errors = errors;
    }

    /// <summary>Serves until <paramref name="shutdown"/> or a failure; the result is the exit code.</summary>
    /// <exception cref="StartRefusedException">It cannot start as asked.</exception>
    public async Task<int> RunAsync(ShutdownSignal shutdown)
    {
        ArgumentNullException.ThrowIfNull(shutdown);
        Prepare();
        await _errors.WriteLineAsync(EffectiveConfiguration.Describe(_options));
        if (_options is SingleNodeOptions { InsecureNetwork: { } network })
            await _errors.WriteLineAsync($"graindb: WARNING: serves {network} without authentication: whoever reaches it can read and change everything");
        foreach (var plan in NodePlan.For(_options))
        {
            var host = _hosts.Count == 0
                ? NodeHost.BuildWithHttp(plan, _options, _configuration, _start, _readiness, _connections)
                : NodeHost.Build(plan, _options, _configuration, _start);

            _hosts.Add((plan.Node.Name, host));
            _readiness.Add(plan.Node.Name, host.Services);
            host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.Register(shutdown.Request);
        }

        using var stopping = shutdown.Token.Register(_stopping.Start);
        if (!await StartAsync(shutdown.Token))
            return ExitCode.Success;
        try
        {
            await AnnounceAsync(shutdown.Token);
            await Task.Delay(Timeout.Infinite, shutdown.Token);
        }
        catch (OperationCanceledException) when (shutdown.Token.IsCancellationRequested)
        {
            // Asked to stop, perhaps while it started.
        }

        return await StopAsync(shutdown.ByOperator);
    }

    /// <summary>Hosts that did not come to rest are left to the end of the process: taking their services away from under them crashes it.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_abandoned)
        {
            foreach (var (_, host) in _hosts)
                await ((IAsyncDisposable)host).DisposeAsync();
        }

        _dataLock?.Dispose();
    }

    /// <summary>
    /// Starts all hosts together. A start is never cancelled: a silo that is cancelled between two of its stages can neither run nor stop
    /// in order. False when the process was told to stop and the start did not end in time; it has not been ready, so nobody relies on it.
    /// </summary>
    private async Task<bool> StartAsync(CancellationToken shutdown)
    {
        var starting = StartAllAsync();
        try
        {
            await starting.WaitAsync(shutdown);
            return true;
        }
        catch (OperationCanceledException) when (shutdown.IsCancellationRequested && !starting.IsCompleted)
        {
            _readiness.MarkDraining();
            try
            {
                await starting.WaitAsync(LateStartTime, CancellationToken.None);
                return true;
            }
            catch (TimeoutException)
            {
                await _errors.WriteLineAsync($"graindb: ends without having started: the start did not finish within {LateStartTime.TotalSeconds} s");
                _abandoned = true;
                return false;
            }
        }
    }

    /// <summary>Fails with the first host that fails: the others may wait for it.</summary>
    private async Task StartAllAsync()
    {
        try
        {
            await foreach (var started in Task.WhenEach(_hosts.Select(node => node.Host.StartAsync(CancellationToken.None))))
                await started;
            _start.End();
        }
        catch
        {
            _abandoned = true;
            throw;
        }
    }

    private void Prepare()
    {
        DataDirectories.RequireUsable(Setting.Data.Option!, _options.DataDirectory);
        FreePorts.RequireFree(Setting.Http.Option!, _options.Http.Address ?? IPAddress.Loopback, _options.Http.Port);
        switch (_options)
        {
            case EmbeddedOptions embedded:
                _dataLock = DataDirectories.LockEmbedded(embedded);
                DataDirectories.RequireSameSize(embedded);
                var membership = NodePlan.EmbeddedMembershipDirectory(embedded);
                if (Directory.Exists(membership))
                    Directory.Delete(membership, recursive: true); // nobody runs: we hold the lock
                break;
            case SingleNodeOptions node:
                if (node.SiloPort != 0)
                    FreePorts.RequireFree(Setting.SiloPort.Option!, node.Advertise, node.SiloPort);
                if (node.GatewayPort != 0)
                    FreePorts.RequireFree(Setting.GatewayPort.Option!, node.Advertise, node.GatewayPort);
                if (node.Membership is MembershipChoice.InDirectory(var directory))
                    DataDirectories.RequireUsable(Setting.Membership.Option!, directory);
                break;
        }
    }

    /// <summary>Prints one line per node as it becomes ready. Why one is not ready yet is in the log.</summary>
    private async Task AnnounceAsync(CancellationToken cancellationToken)
    {
        await Task.WhenAll(_hosts.Select(node => AnnounceAsync(node.Name, node.Host, cancellationToken)));
        _readiness.MarkStarted();
    }

    private async Task AnnounceAsync(string node, IHost host, CancellationToken cancellationToken)
    {
        await host.Services.GetRequiredService<IClusterView>().WaitUntilReadyAsync(cancellationToken).WaitAsync(cancellationToken);
        await _output.WriteLineAsync($"graindb ready node={node} http={_options.Http.Url}");
        await _output.FlushAsync(cancellationToken);
    }

    /// <summary>HTTP first, connections before the server, then all silos together.</summary>
    private async Task<int> StopAsync(bool byOperator)
    {
        _readiness.MarkDraining();
        try
        {
            await Task.Delay(LeaveTime);
            await _connections.DrainAsync();
            await Task.WhenAll(_hosts.Select(node => node.Host.StopAsync())).WaitAsync(StopTime - _stopping.Elapsed);
            return byOperator ? ExitCode.Success : ExitCode.Failed;
        }
        catch (Exception exception)
        {
            _abandoned = true;
            await _errors.WriteLineAsync($"graindb: did not drain in order: {exception.Message.ReplaceLineEndings(" ")}");
            return ExitCode.Failed;
        }
    }
}
