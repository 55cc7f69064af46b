using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Grains.Eventual;

/// <summary>What a slot says of its replica.</summary>
internal static class EventualReports
{
    public static ReplicaReport Of(RangeId partition, Guid id, EventualSlot? slot)
    {
        if (slot?.Broken is { } broken)
            return new ReplicaReport { Range = partition, Replica = id, State = ReplicaState.Broken, Detail = broken.Detail };
        if (slot?.Replica is not { } replica)
            return new ReplicaReport { Range = partition, Replica = id, State = ReplicaState.Idle };
        var figures = replica.GetFigures();
        var standing = figures.Standing;
        return new ReplicaReport
        {
            Range = partition,
            Replica = id,
            State = figures.Status switch
            {
                WalStatus.Broken => ReplicaState.Broken,
                WalStatus.DiskFull => ReplicaState.ReadOnly,
                _ when standing.NeedsRepair || !standing.IsJoined => ReplicaState.Recovering,
                _ => ReplicaState.Member,
            },
            Lsn = figures.LastLsn,
            Applied = figures.LastLsn,
            Detail = figures.StatusReason ?? (standing.IsJoined ? standing.NeedsRepair ? "it may lack something and is compared with the others" : null : "it joins the partition"),
            Keys = figures.Keys,
            Bytes = figures.Bytes,
            Eventual = new EventualReplicaReport(
                standing.Epoch, standing.IsJoined, standing.NeedsRepair, figures.Root, figures.Conflicted, figures.Mortal, figures.Conflicts, slot.LastAgreement),
        };
    }
}
