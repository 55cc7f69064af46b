namespace GrainDb.Cluster.Tests.Faults;

/// <summary>The membership table as one silo reaches it. What Orleans calls under newer names ends here too.</summary>
internal sealed class CuttableMembershipTable(IMembershipTable inner, Func<bool> isReachable) : IMembershipTable
{
    private IMembershipTable Inner => isReachable() ? inner : throw new TimeoutException("the membership table does not answer");

    public Task InitializeMembershipTable(bool tryInitTableVersion) => Inner.InitializeMembershipTableAsync(tryInitTableVersion, CancellationToken.None);

    public Task DeleteMembershipTableEntries(string clusterId) => Inner.DeleteMembershipTableEntriesAsync(clusterId, CancellationToken.None);

    public Task CleanupDefunctSiloEntries(DateTimeOffset beforeDate) => Inner.CleanupDefunctSiloEntriesAsync(beforeDate, CancellationToken.None);

    public Task<MembershipTableData> ReadRow(SiloAddress key) => Inner.ReadRowAsync(key, CancellationToken.None);

    public Task<MembershipTableData> ReadAll() => Inner.ReadAllAsync(CancellationToken.None);

    public Task<bool> InsertRow(MembershipEntry entry, TableVersion tableVersion) => Inner.InsertRowAsync(entry, tableVersion, CancellationToken.None);

    public Task<bool> UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion) =>
        Inner.UpdateRowAsync(entry, etag, tableVersion, CancellationToken.None);

    public Task UpdateIAmAlive(MembershipEntry entry) => Inner.UpdateIAmAliveAsync(entry, CancellationToken.None);
}
