using System.Text.Json.Serialization;

namespace GrainDb.Silo.Clustering;

/// <summary>What the table's file holds.</summary>
/// <param name="Format">Version of this form.</param>
/// <param name="ClusterId">The cluster whose table it is.</param>
/// <param name="Version">Version of the membership; grows by one with each change that members must see.</param>
/// <param name="LastETag">ETags are numbers of this counter; each is given once.</param>
/// <param name="ETag">ETag of the version.</param>
/// <param name="Silos">One row per silo.</param>
public sealed record MembershipTableContent(int Format, string ClusterId, int Version, long LastETag, long ETag, IReadOnlyList<MembershipRow> Silos)
{
    public const int CurrentFormat = 1;

    public static MembershipTableContent Empty(string clusterId) => new(CurrentFormat, clusterId, 0, 1, 1, []);

    public MembershipRow? Find(string silo) => Silos.FirstOrDefault(row => row.Silo == silo);

    /// <summary>The next version, in which <paramref name="changed"/> replaces or adds rows, each with a new ETag.</summary>
    public MembershipTableContent Next(int version, IReadOnlyCollection<MembershipRow> changed)
    {
        ArgumentNullException.ThrowIfNull(changed);
        var tag = LastETag;
        var stamped = changed.Select(row => row with { ETag = ++tag }).ToList();
        var kept = Silos.Where(row => changed.All(other => other.Silo != row.Silo));
        return this with { Version = version, Silos = [.. kept, .. stamped], ETag = ++tag, LastETag = tag };
    }
}

/// <summary>One silo.</summary>
public sealed record MembershipRow
{
    /// <summary><c>address:port@generation</c>.</summary>
    public required string Silo { get; init; }
    public required long ETag { get; init; }
    public required SiloStatus Status { get; init; }
    public required string SiloName { get; init; }
    public required string HostName { get; init; }
    public required string? RoleName { get; init; }
    public required int ProxyPort { get; init; }
    public required int UpdateZone { get; init; }
    public required int FaultZone { get; init; }
    public required DateTime StartTime { get; init; }
    public required DateTime IAmAliveTime { get; init; }
    public required IReadOnlyList<MembershipSuspicion>? Suspicions { get; init; }

    /// <summary>Nothing happened to this row after it.</summary>
    [JsonIgnore]
    public DateTime LastChange => (Suspicions ?? []).Select(vote => vote.Time).Append(StartTime).Append(IAmAliveTime).Max();
}

/// <summary>One vote that a silo is dead.</summary>
public sealed record MembershipSuspicion(string By, DateTime Time);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(MembershipTableContent))]
internal sealed partial class MembershipJson : JsonSerializerContext;
