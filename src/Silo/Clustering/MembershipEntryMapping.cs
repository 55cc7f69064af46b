namespace GrainDb.Silo.Clustering;

/// <summary>Between Orleans' entries and the rows of the file.</summary>
internal static class MembershipEntryMapping
{
    public static MembershipRow ToRow(this MembershipEntry entry) => new()
    {
        Silo = entry.SiloAddress.ToParsableString(),
        ETag = 0,
        Status = entry.Status,
        SiloName = entry.SiloName,
        HostName = entry.HostName,
        RoleName = entry.RoleName,
        ProxyPort = entry.ProxyPort,
        UpdateZone = entry.UpdateZone,
        FaultZone = entry.FaultZone,
        StartTime = Utc(entry.StartTime),
        IAmAliveTime = Utc(entry.IAmAliveTime),
        Suspicions = entry.SuspectTimes?.Select(vote => new MembershipSuspicion(vote.Item1.ToParsableString(), Utc(vote.Item2))).ToList(),
    };

    public static Tuple<MembershipEntry, string> ToEntry(this MembershipRow row) => Tuple.Create(
        new MembershipEntry
        {
            SiloAddress = SiloAddress.FromParsableString(row.Silo),
            Status = row.Status,
            SiloName = row.SiloName,
            HostName = row.HostName,
            RoleName = row.RoleName,
            ProxyPort = row.ProxyPort,
            UpdateZone = row.UpdateZone,
            FaultZone = row.FaultZone,
            StartTime = row.StartTime,
            IAmAliveTime = row.IAmAliveTime,
            SuspectTimes = row.Suspicions?.Select(vote => Tuple.Create(SiloAddress.FromParsableString(vote.By), vote.Time)).ToList(),
        },
        row.ETag.ToString());

    public static TableVersion ToTableVersion(this MembershipTableContent content) => new(content.Version, content.ETag.ToString());

    /// <summary>Orleans means UTC and does not always say so.</summary>
    private static DateTime Utc(DateTime time) => DateTime.SpecifyKind(time, DateTimeKind.Utc);
}
