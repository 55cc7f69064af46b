using System.Globalization;
using System.Net;
using GrainDb.Silo.Configuration;
using GrainDb.Silo.Hosting;
using Orleans.Configuration;
using Orleans.Runtime.MembershipService.SiloMetadata;

namespace GrainDb.Silo.Clustering;

/// <summary>Endpoints, membership, failure detection and grain directory of a silo.</summary>
public static class SiloClustering
{
    /// <summary>Part of the identity of stored Orleans state, so it never changes.</summary>
    public const string ServiceId = "graindb";

    /// <summary>Period of heartbeats in a table that cannot tell by itself who runs; three missed ones make a row stale.</summary>
    private static readonly TimeSpan ExternalHeartbeat = TimeSpan.FromSeconds(2);

    /// <summary>How long a silo tries to join before the process gives up and says why.</summary>
    private static readonly TimeSpan MaxJoinTime = TimeSpan.FromSeconds(30);

    /// <summary>A call that nobody answers fails after this; the longest timeout a request may ask for is 60 s.</summary>
    private static readonly TimeSpan ResponseTimeout = TimeSpan.FromSeconds(60);

    public static ISiloBuilder AddGrainDbClustering(this ISiloBuilder silo, NodePlan plan)
    {
        ArgumentNullException.ThrowIfNull(silo);
        ArgumentNullException.ThrowIfNull(plan);
        silo.Configure<SiloOptions>(options => options.SiloName = plan.Node.Name);
        silo.Configure<ClusterOptions>(options => (options.ServiceId, options.ClusterId) = (ServiceId, plan.ClusterId));
        silo.Configure<EndpointOptions>(options =>
        {
            options.AdvertisedIPAddress = plan.Address;
            options.SiloPort = plan.SiloPort;
            options.GatewayPort = plan.GatewayPort;
            options.SiloListeningEndpoint = new IPEndPoint(plan.Address, plan.SiloPort); // never on every interface
            options.GatewayListeningEndpoint = plan.GatewayPort == 0 ? null : new IPEndPoint(plan.Address, plan.GatewayPort);
        });
        silo.Configure<ClusterMembershipOptions>(options =>
        {
            // Measured in docs/adr/0009-failure-detection.md: a silo that says nothing at all for 4.5 s is declared dead.
            options.ProbeTimeout = TimeSpan.FromSeconds(1);
            options.MaxProbeTimeout = TimeSpan.FromSeconds(1.5);
            options.MinProbeTimeout = TimeSpan.FromSeconds(1);
            options.NumMissedProbesLimit = 3;
            options.NumVotesForDeathDeclaration = 2;
            options.TableRefreshTimeout = TimeSpan.FromSeconds(5);
            options.MaxJoinAttemptTime = MaxJoinTime;
            if (plan.Membership is not MembershipChoice.InDirectory)
                options.IAmAliveTablePublishTimeout = ExternalHeartbeat;
        });
        silo.Configure<SiloMessagingOptions>(options => options.ResponseTimeout = ResponseTimeout);
        silo.UseSiloMetadata(new Dictionary<string, string>
        {
            ["region"] = plan.Node.Region,
            ["weight"] = plan.Node.Weight.ToString("R", CultureInfo.InvariantCulture),
        });
        AddDirectory(silo);
        AddMembership(silo, plan.Membership);
        return silo;
    }

    private static void AddDirectory(ISiloBuilder silo)
    {
#pragma warning disable ORLEANSEXP003 // With the default directory the death of one silo deactivates healthy ranges on the others; this one does not.
        silo.AddDistributedGrainDirectory();
#pragma warning restore ORLEANSEXP003

        // The lease delays ranges of a crashed silo to make a second activation less likely. Epochs make a second activation harmless, so
        // waiting buys nothing.
        silo.Configure<GrainDirectoryOptions>(options => options.RangeLeaseDuration = TimeSpan.Zero);
    }

    private static void AddMembership(ISiloBuilder silo, MembershipChoice membership)
    {
        switch (membership)
        {
            case MembershipChoice.InDirectory(var directory):
                silo.UseFileMembership(directory);
                break;
            case MembershipChoice.InPostgres(var connection):
                silo.UseAdoNetClustering(options => (options.Invariant, options.ConnectionString) = ("Npgsql", connection));
                break;
            case MembershipChoice.InRedis(var connection):
                silo.UseRedisClustering(connection);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(membership));
        }
    }
}
