using System.Net;
using GrainDb.Silo.Clustering;
using Microsoft.Extensions.Logging.Abstractions;

namespace GrainDb.Silo.Tests.Clustering;

/// <summary>A membership directory, tables on it, and silos that count as running because the fixture holds their locks.</summary>
internal sealed class TableFixture : IDisposable
{
    public const string ClusterId = "test";

    private readonly TemporaryDirectory _directory = new();
    private readonly List<IDisposable> _held = [];
    private int _generation;

    public string Directory => _directory["m"];

    public string TablePath => Path.Combine(Directory, "membership.json");

    public SiloAddress NewAddress(int port = 11111) => SiloAddress.New(new IPEndPoint(IPAddress.Loopback, port), ++_generation);

    public FileMembershipTable NewTable(SiloAddress? self = null, string clusterId = ClusterId)
    {
        var table = new FileMembershipTable(Directory, clusterId, self ?? NewAddress(), TimeProvider.System, NullLogger<FileMembershipTable>.Instance);
        _held.Add(table);
        return table;
    }

    public async Task<FileMembershipTable> StartTableAsync(SiloAddress? self = null)
    {
        var table = NewTable(self);
        await table.InitializeMembershipTable(true);
        return table;
    }

    /// <summary>An entry whose silo counts as running.</summary>
    public MembershipEntry NewRunningEntry(SiloStatus status = SiloStatus.Joining)
    {
        var entry = NewEntry(NewAddress(), status);
        _held.Add(new SiloLiveness(Directory).Hold(entry.SiloAddress));
        return entry;
    }

    public static MembershipEntry NewEntry(SiloAddress address, SiloStatus status) => new()
    {
        SiloAddress = address,
        Status = status,
        SiloName = $"node{address.Generation}",
        HostName = "host",
        RoleName = "role",
        ProxyPort = 30000,
        UpdateZone = 1,
        FaultZone = 2,
        StartTime = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc),
        IAmAliveTime = new DateTime(2026, 1, 2, 3, 4, 6, DateTimeKind.Utc),
        SuspectTimes = [Tuple.Create(address, new DateTime(2026, 1, 2, 3, 4, 7, DateTimeKind.Utc))],
    };

    public void Dispose()
    {
        _held.ForEach(held => held.Dispose());
        _directory.Dispose();
    }
}
