using System.Collections.Concurrent;
using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Grains.Ranges;

/// <summary>The ranges that this node leads now: callers on the node reach their engine without a grain call.</summary>
internal sealed class LocalRanges
{
    private readonly ConcurrentDictionary<RangeId, RangeLeader> _leaders = new();

    public RangeLeader? Find(RangeId range) => _leaders.GetValueOrDefault(range);

    /// <summary>All of them, as they are now.</summary>
    public IEnumerable<RangeLeader> All => _leaders.Select(leader => leader.Value);

    public void Add(RangeLeader leader) => _leaders[leader.Range] = leader;

    /// <summary>Removes this very leader; a successor stays.</summary>
    public void Remove(RangeLeader leader) => _leaders.TryRemove(KeyValuePair.Create(leader.Range, leader));
}
