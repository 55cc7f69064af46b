using System.Runtime.CompilerServices;
using System.Text;
using GrainDb.Cluster.Tests.Faults;
using GrainDb.Engine.Transactions;
using GrainDb.Engine.Wal;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Transactions;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Sagas;
using GrainDb.Interfaces.Transactions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.TestingHost;

namespace GrainDb.Cluster.Tests.Hosting;

/// <summary>Real silos in this process, each with its own data directory, which outlives them.</summary>
internal sealed class GrainDbCluster : IAsyncDisposable
{
    private const int LinesOfEach = 40;

    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    /// <summary>Between two looks: the silos need the cores meanwhile.</summary>
    private static readonly TimeSpan PollPause = TimeSpan.FromMilliseconds(10);

    private static readonly TimeSpan ReadyWithin = TimeSpan.FromSeconds(90);

    private readonly InProcessTestCluster _cluster;
    private readonly Network _network;
    private readonly InProcessSiloHandle[] _nodes;
    private readonly List<Task> _dying = [];

    private GrainDbCluster(InProcessTestCluster cluster, Network network)
    {
        _cluster = cluster;
        _network = network;
        _nodes = new InProcessSiloHandle[cluster.Options.InitialSilosCount];
    }

    public static Task<GrainDbCluster> StartAsync(TestDirectory directory, double[] weights, StorageOptions storage) =>
        StartAsync(directory, weights, storage, new Network(), buriesFast: false);

    public static Task<GrainDbCluster> StartAsync(TestDirectory directory, double[] weights, StorageOptions storage, Network network, bool buriesFast) =>
        StartAsync(directory, weights, storage, network, buriesFast, static (_, _) => { });

    /// <param name="directory">The nodes' data.</param>
    /// <param name="weights">One node each.</param>
    /// <param name="storage">Of all nodes.</param>
    /// <param name="network">Between them.</param>
    /// <param name="buriesFast">A silo that does not answer is declared dead within a few seconds, also by mistake on a busy machine.</param>
    /// <param name="configure">Adds what a test brings to the services of each node.</param>
    public static async Task<GrainDbCluster> StartAsync(
        TestDirectory directory, double[] weights, StorageOptions storage, Network network, bool buriesFast, Action<string, IServiceCollection> configure)
    {
        var builder = new InProcessTestClusterBuilder((short)weights.Length);
        builder.Options.ConfigureFileLogging = false;
#pragma warning disable ORLEANSEXP003 // The directory that the product uses: see docs/adr/0008-file-membership.md.
        builder.Options.UseDistributedGrainDirectory = true;
#pragma warning restore ORLEANSEXP003
        string[] names = [.. Enumerable.Range(0, weights.Length).Select(index => $"Silo_{index}")];
        string[] bootstrap = names[..(weights.Length - 1 + (weights.Length % 2))];
        builder.ConfigureSiloHost((options, host) => host.ConfigureContainer(
            new DefaultServiceProviderFactory(), services => CutFromTable(services, () => network.ReachesTable(options.SiloName))));
        builder.ConfigureSilo((options, silo) => network.Attach(silo, options.SiloName));
        builder.ConfigureSilo((_, silo) => silo.Configure<GrainDirectoryOptions>(options => options.RangeLeaseDuration = TimeSpan.Zero)); // as the product
        builder.ConfigureSilo((_, silo) =>
        {
            var events = new EventLog();
            silo.Services.AddSingleton(events).AddSingleton<ILoggerProvider>(events);
            silo.Services.AddSingleton<IWalFileSystem>(new CrashableFileSystem(new NativeFileSystem()));
            silo.Services.AddSingleton(services => new GatedDecisions(services.GetRequiredService<TransactionRanges>(), services.GetRequiredService<NodeResolutions>()));
            silo.Services.AddSingleton<ITransactionRanges>(services => services.GetRequiredService<GatedDecisions>());
            silo.Services.AddSingleton<IResolutions>(services => services.GetRequiredService<GatedDecisions>());
        });
        builder.ConfigureSilo((options, silo) => configure(options.SiloName, silo.Services));
        if (buriesFast)
            builder.ConfigureSilo((_, silo) => silo.Configure<ClusterMembershipOptions>(BuryFast));
        builder.ConfigureSilo((options, silo) => silo.AddGrainDbNode(
            new NodeOptions
            {
                Name = options.SiloName,
                Weight = weights[Array.IndexOf(names, options.SiloName)],
                DataDirectory = Path.Combine(directory.Path, options.SiloName),
                BootstrapNodes = bootstrap,
            },
            storage));
        var cluster = new GrainDbCluster(builder.Build(), network);
        await cluster._cluster.DeployAsync();
        foreach (var silo in cluster._cluster.Silos)
            cluster._nodes[Array.IndexOf(names, silo.Name)] = silo;
        for (var node = 0; node < names.Length; node++)
            await cluster.WaitUntilReadyAsync(node);
        return cluster;
    }

    public IKeyValueStore Keys(int node) => Service<IKeyValueStore>(node);

    public IKeyspaceCatalog Keyspaces(int node) => Service<IKeyspaceCatalog>(node);

    public ITransactionStore Transactions(int node) => Service<ITransactionStore>(node);

    public ISagaStore Sagas(int node) => Service<ISagaStore>(node);

    public IClusterView View(int node) => Service<IClusterView>(node);

    /// <summary>The silos by their nodes' names.</summary>
    public IReadOnlyDictionary<string, SiloAddress> Silos => _cluster.Silos.ToDictionary(silo => silo.Name, silo => silo.SiloAddress);

    public T Service<T>(int node)
        where T : notnull => _nodes[node].ServiceProvider.GetRequiredService<T>();

    /// <summary>Stops a node as an operator would.</summary>
    public Task StopAsync(int node) => _cluster.StopSiloAsync(_nodes[node]);

    /// <summary>
    /// Kills a node: from one moment to the next nothing of it reaches anybody or its files. What its code does after that, in the process that it
    /// shares with the others, is without effect.
    /// </summary>
    public void Crash(int node)
    {
        var name = _nodes[node].Name;
        CrashFiles(node);
        _network.Isolate(name, Silos.Keys, CutKind.Reset);
        _network.CutFromTable(name);
        _dying.Add(_cluster.KillSiloAsync(_nodes[node])); // its last words wait long for an answer
    }

    /// <summary>From now on the node's files stay as they are.</summary>
    public void CrashFiles(int node) => ((CrashableFileSystem)Service<IWalFileSystem>(node)).Crash();

    /// <summary>The disk of a node takes nothing for a while.</summary>
    public void FailWrites(int node, bool fail) => ((CrashableFileSystem)Service<IWalFileSystem>(node)).IsFailing = fail;

    /// <summary>From now on syncs of a range's files on a node do not return before the result is set.</summary>
    public ManualResetEventSlim HangFiles(int node, RangeId range) => ((CrashableFileSystem)Service<IWalFileSystem>(node)).Hang($"ranges/{range}");

    /// <summary>Starts a node again, after it was stopped or killed, on what is in its directory.</summary>
    public async Task RestartAsync(int node)
    {
        _network.Heal();
        await StartAgainAsync(node);
        await WaitUntilReadyAsync(node);
    }

    /// <summary>Starts a node without healing anything or waiting until it is of use.</summary>
    public async Task StartAgainAsync(int node) => _nodes[node] = await _cluster.StartSiloAsync(node, _cluster.Options);

    public async Task<WriteResult> PutAsync(int node, string keyspace, string key, string value, WriteCondition condition = default) =>
        await Keys(node).WriteAsync(
            keyspace,
            new KeyWrite(Encoding.UTF8.GetBytes(key), WriteKind.Put, Encoding.UTF8.GetBytes(value), "text/plain", condition, null),
            new WriteOptions(WriteLevel.Quorum, null),
            Timeout,
            TestContext.Current.CancellationToken);

    public async Task<ReadResult> GetAsync(int node, string keyspace, string key, Timestamp asOf = default, ReadConsistency consistency = default) =>
        await Keys(node).ReadAsync(keyspace, Encoding.UTF8.GetBytes(key), asOf, consistency, Timeout, TestContext.Current.CancellationToken);

    /// <summary>Asks again and again until something that the cluster does by itself has happened; bounded.</summary>
    public async Task UntilAsync(Func<Task<bool>> happened, [CallerArgumentExpression(nameof(happened))] string what = "")
    {
        using var limit = new CancellationTokenSource(ReadyWithin);
        while (!await happened())
        {
            if (limit.IsCancellationRequested)
                throw new TimeoutException($"it did not happen in time: {what}{WhatNodesSaid()}");
            await Task.Delay(PollPause, CancellationToken.None);
        }
    }

    private string WhatNodesSaid() => string.Concat(Enumerable.Range(0, _nodes.Length).Where(node => _nodes[node] is { IsActive: true })
        .Select(node => $"{Environment.NewLine}---- node {node}{Environment.NewLine}{Service<EventLog>(node).Last(LinesOfEach)}"));

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes.Where(node => node is { IsActive: true } && !_cluster.Silos.Contains(node)))
            await node.StopSiloAsync(CancellationToken.None);
        _network.Heal();
        await Task.WhenAll(_dying);
        await _cluster.StopAllSilosAsync();
        await _cluster.DisposeAsync();
    }

    private static void BuryFast(ClusterMembershipOptions options)
    {
        options.ProbeTimeout = options.MinProbeTimeout = TimeSpan.FromMilliseconds(500);
        options.MaxProbeTimeout = TimeSpan.FromSeconds(1);
        options.NumMissedProbesLimit = 2;
        options.TableRefreshTimeout = TimeSpan.FromSeconds(1);
        options.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(1);
    }

    /// <summary>Puts a switch before the table that the silos of the cluster share.</summary>
    private static void CutFromTable(IServiceCollection services, Func<bool> isReachable)
    {
        var table = (IMembershipTable)services.Last(service => service.ServiceType == typeof(IMembershipTable)).ImplementationInstance!;
        services.AddSingleton<IMembershipTable>(new CuttableMembershipTable(table, isReachable));
    }

    private async Task WaitUntilReadyAsync(int node)
    {
        using var limit = new CancellationTokenSource(ReadyWithin);
        try
        {
            await View(node).WaitUntilReadyAsync(limit.Token);
        }
        catch (OperationCanceledException exception)
        {
            var events = Service<EventLog>(node).ToString();
            throw new TimeoutException($"node {node} is not ready: {await View(node).GetReadinessAsync(CancellationToken.None)}\n{events}", exception);
        }
    }
}
