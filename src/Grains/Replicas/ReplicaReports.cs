using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Grains.Replicas;

/// <summary>What a slot says of its replica.</summary>
internal static class ReplicaReports
{
    public static ReplicaReport Of(RangeId range, Guid id, ReplicaSlot slot)
    {
        if (slot.Broken is { } broken)
            return new ReplicaReport { Range = range, Replica = id, State = ReplicaState.Broken, Detail = broken.Detail };
        if (slot.Acceptor is not { } acceptor)
            return new ReplicaReport { Range = range, Replica = id, State = ReplicaState.Idle };
        var replica = acceptor.Replica;
        var figures = replica.GetFigures();
        var leader = slot.Leader is { IsStopped: false } serving ? serving : null;
        return new ReplicaReport
        {
            Range = range,
            Replica = id,
            State = figures.Status switch
            {
                WalStatus.Broken => ReplicaState.Broken,
                WalStatus.DiskFull => ReplicaState.ReadOnly,
                _ when acceptor.IsRecovering => ReplicaState.Recovering,
                _ => ReplicaState.Member,
            },
            Role = leader is null ? ReplicaRole.Follower : ReplicaRole.Leader,
            Epoch = leader?.Epoch ?? replica.Promise.PromisedEpoch,
            Lsn = figures.LastLsn,
            Detail = figures.StatusDetail,
            Keys = figures.Keys,
            Bytes = figures.PayloadBytes,
            Rate = leader?.RequestsPerSecond ?? 0,
            GcThreshold = figures.GcThreshold,
            Applied = replica.AppliedLsn,
            Configuration = acceptor.Configuration,
        };
    }
}
