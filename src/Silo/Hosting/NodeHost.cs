using GrainDb.Grains.Hosting;
using GrainDb.Silo.Clustering;
using GrainDb.Silo.Configuration;
using GrainDb.Silo.Telemetry;
using Orleans.Dashboard;

namespace GrainDb.Silo.Hosting;

/// <summary>
/// Builds the hosts of this process: one with a silo and the web application, and, in an embedded cluster, further ones with a silo each.
/// They are built empty, so that nothing binds a port or reads a setting that is not named here.
/// </summary>
public static class NodeHost
{
    /// <summary>How long a host may take to drain before it is cut off.</summary>
    public static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(10);

    /// <summary>A node that serves HTTP.</summary>
    public static WebApplication BuildWithHttp(
        NodePlan plan, ServerOptions options, IConfiguration configuration, StartPhase start, NodeReadiness readiness, HttpConnections connections)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(options);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "graindb", EnvironmentName = Environments.Production });
        AddNode(builder, plan, options, configuration, start);
        builder.Services.AddSingleton(readiness);
        builder.Services.AddProcessTelemetry(plan.Node.Name, options.OtlpEndpoint);
        builder.AddHttp(options, connections);
        var application = builder.Build();
        application.MapHttp();
        return application;
    }

    /// <summary>A further node of an embedded cluster.</summary>
    public static IHost Build(NodePlan plan, ServerOptions options, IConfiguration configuration, StartPhase start)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { ApplicationName = "graindb", EnvironmentName = Environments.Production });
        AddNode(builder, plan, options, configuration, start);
        return builder.Build();
    }

    /// <summary>Nodes that share a process share its memory and its disk.</summary>
    private static StorageOptions StorageFor(NodePlan plan, ServerOptions options)
    {
        var nodes = options is EmbeddedOptions embedded ? embedded.Nodes : 1;
        var storage = new StorageOptions { CheckpointBytesPerSecond = options.CheckpointBytesPerSecond / nodes };
        storage.MemoryBudgetBytes /= nodes;
        return storage;
    }

    private static void AddNode(IHostApplicationBuilder builder, NodePlan plan, ServerOptions options, IConfiguration configuration, StartPhase start)
    {
        builder.Logging.AddProcessLogging(options, configuration, start);
        builder.Services.AddSingleton<IHostLifetime, SilentLifetime>();
        builder.Services.AddSingleton(options.Replication);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = DrainTime);
        builder.UseOrleans(silo => silo
            .AddGrainDbClustering(plan)
            .AddActivityPropagation()
            .AddDashboard(dashboard => dashboard.HideTrace = true)
            .AddGrainDbNode(plan.Node, StorageFor(plan, options)));
    }
}
