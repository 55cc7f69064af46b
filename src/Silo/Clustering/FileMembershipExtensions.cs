using Microsoft.Extensions.Options;
using Orleans.Configuration;

namespace GrainDb.Silo.Clustering;

/// <summary>Adds the file membership to a silo.</summary>
public static class FileMembershipExtensions
{
    /// <summary>Keeps the membership table in <paramref name="directory"/>, shared by the processes of this host.</summary>
    public static ISiloBuilder UseFileMembership(this ISiloBuilder silo, string directory)
    {
        ArgumentNullException.ThrowIfNull(silo);
        silo.Services.AddSingleton(new SiloLiveness(directory));
        silo.Services.AddSingleton<IMembershipTable>(services => new FileMembershipTable(
            directory,
            services.GetRequiredService<IOptions<ClusterOptions>>().Value.ClusterId,
            services.GetRequiredService<ILocalSiloDetails>().SiloAddress,
            TimeProvider.System,
            services.GetRequiredService<ILogger<FileMembershipTable>>()));
        silo.Services.AddSingleton(services => new SiloDeathWatch(
            services.GetRequiredService<SiloLiveness>(),
            services.GetRequiredService<ILocalSiloDetails>(),
            services.GetRequiredService<IClusterMembershipService>(),
            TimeProvider.System,
            services.GetRequiredService<ILogger<SiloDeathWatch>>()));
        silo.Services.AddSingleton(services => new MembershipTurn(directory, TimeProvider.System, services.GetRequiredService<ILogger<MembershipTurn>>()));
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(services => services.GetRequiredService<SiloDeathWatch>());
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(services => services.GetRequiredService<MembershipTurn>());
        return silo;
    }
}
