using System.Net;
using GrainDb.Grains.Hosting;
using GrainDb.Silo.Configuration;

namespace GrainDb.Silo.Hosting;

/// <summary>One node that this process is going to run.</summary>
/// <param name="Node">What the node is.</param>
/// <param name="Address">Address of its silo.</param>
/// <param name="SiloPort">Port for other silos.</param>
/// <param name="GatewayPort">Port for Orleans clients; 0 for none.</param>
/// <param name="ClusterId">The cluster.</param>
/// <param name="Membership">The membership table.</param>
public sealed record NodePlan(NodeOptions Node, IPAddress Address, int SiloPort, int GatewayPort, string ClusterId, MembershipChoice Membership)
{
    /// <summary>The nodes of this process; the first serves HTTP.</summary>
    public static IReadOnlyList<NodePlan> For(ServerOptions options) => options switch
    {
        EmbeddedOptions embedded => ForEmbedded(embedded),
        SingleNodeOptions node => [ForSingle(node)],
        _ => throw new ArgumentOutOfRangeException(nameof(options)),
    };

    private static List<NodePlan> ForEmbedded(EmbeddedOptions options)
    {
        var names = Enumerable.Range(1, options.Nodes).Select(number => $"node{number}").ToList();
        var bootstrap = names.Take(Math.Min(names.Count - 1 + (names.Count % 2), NodeOptions.MaxBootstrapNodes)).ToList(); // an odd number
        var ports = FreePorts.Take(IPAddress.Loopback, options.Nodes);
        return names.Select((name, index) => new NodePlan(
            new NodeOptions
            {
                Name = name,
                DataDirectory = Path.Combine(options.DataDirectory, name),
                BootstrapNodes = bootstrap,
                HttpEndpoint = options.Http.Url,
                MaxValueBytes = options.MaxValueBytes,
                SagaHttp = options.SagaHttp,
                SagaRetention = options.SagaRetention,
            },
            IPAddress.Loopback,
            ports[index],
            GatewayPort: 0,
            options.ClusterId,
            new MembershipChoice.InDirectory(EmbeddedMembershipDirectory(options)))).ToList();
    }

    public static string EmbeddedMembershipDirectory(EmbeddedOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Path.Combine(options.DataDirectory, "cluster");
    }

    private static NodePlan ForSingle(SingleNodeOptions options)
    {
        var free = new Queue<int>(FreePorts.Take(options.Advertise, 2));
        return new NodePlan(
            new NodeOptions
            {
                Name = options.Name,
                Region = options.Region,
                Weight = options.Weight,
                DataDirectory = Path.Combine(options.DataDirectory, options.Name),
                BootstrapNodes = options.Bootstrap,
                HttpEndpoint = options.Http.Url,
                MaxValueBytes = options.MaxValueBytes,
                SagaHttp = options.SagaHttp,
                SagaRetention = options.SagaRetention,
            },
            options.Advertise,
            options.SiloPort == 0 ? free.Dequeue() : options.SiloPort,
            options.GatewayPort == 0 ? free.Dequeue() : options.GatewayPort,
            options.ClusterId,
            options.Membership);
    }
}
