using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Grains.Nodes;

/// <summary>Joins a range's descriptor with the reports of its nodes.</summary>
internal static class RangeStatusBuilder
{
    public static RangeStatus Build(RangeDescriptor range, KeyspaceFamily family, IReadOnlyDictionary<string, NodeReport?> reports)
    {
        var known = range.Replicas.Select(replica => (Replica: replica, Report: Find(reports, replica, range.Id))).ToList();
        var (leading, leader) = known.FirstOrDefault(pair => pair.Report is { Role: ReplicaRole.Leader });
        // A leader's log decides; without one the log that got furthest is the best guess.
        var configuration = leader?.Configuration ?? known
            .Select(pair => pair.Report)
            .Where(report => report?.Configuration is not null)
            .MaxBy(report => (report!.Epoch, report.Lsn))?.Configuration;
        return new RangeStatus
        {
            Descriptor = range,
            Family = family,
            Leader = leader is null ? null : leading.Node,
            Epoch = leader?.Epoch ?? default,
            Replicas = [.. known.Select(pair => ToStatus(pair.Replica.Node, pair.Report, leader) with { Id = pair.Replica.Id })],
            Configuration = configuration,
            Keys = leader?.Keys ?? LargestOf(known, report => report.Keys),
            Bytes = leader?.Bytes ?? LargestOf(known, report => report.Bytes),
            Rate = leader?.Rate ?? 0,
            GcThreshold = leader?.GcThreshold ?? default,
        };
    }

    public static bool IsUnhealthy(RangeStatus status) => status.Replicas.Any(replica => replica.State is not (ReplicaState.Idle or ReplicaState.Member));

    private static ReplicaStatus ToStatus(string node, ReplicaReport? report, ReplicaReport? leader)
    {
        if (report is null)
            return new ReplicaStatus(node, ReplicaRole.Follower, ReplicaState.Unreachable, default, 0, "the node does not answer");

        // A follower may hold records of a deposed leader beyond the leader's own; it is not behind for that.
        var lag = leader is null || report.State == ReplicaState.Idle || report.Lsn > leader.Lsn ? 0 : (long)(leader.Lsn.Value - report.Lsn.Value);
        return new ReplicaStatus(node, report.Role, report.State, report.Lsn, lag, report.Detail) { Applied = report.Applied, Eventual = report.Eventual };
    }

    /// <summary>Replicas of an eventual partition may each lack something that others have; a strong range without a leader says nothing.</summary>
    private static long LargestOf(IEnumerable<(ReplicaDescriptor Replica, ReplicaReport? Report)> known, Func<ReplicaReport, long> figure) =>
        known.Select(pair => pair.Report is { Eventual: not null } report ? figure(report) : -1).DefaultIfEmpty(-1).Max();

    /// <summary>A node's word counts for the replica that the descriptor means, not for another one of the same range.</summary>
    private static ReplicaReport? Find(IReadOnlyDictionary<string, NodeReport?> reports, ReplicaDescriptor wanted, RangeId range)
    {
        if (reports.GetValueOrDefault(wanted.Node) is not { } report)
            return null;
        return report.Replicas.FirstOrDefault(replica => replica.Range == range && replica.Replica == wanted.Id)
            ?? new ReplicaReport { Range = range, Replica = wanted.Id, State = ReplicaState.Broken, Detail = $"the node does not have replica {wanted.Id}: it was removed, or its data directory was replaced" };
    }
}
