using System.Collections.Concurrent;
using GrainDb.Engine.Ring;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Grains.Eventual;

/// <summary>A partition as one view of the meta range has it.</summary>
/// <param name="Keyspace">Its keyspace.</param>
/// <param name="Range">Its descriptor; the generation is the version of the configuration.</param>
/// <param name="Configuration">Who holds it, and who stands in.</param>
internal sealed record EventualPartition(KeyspaceDescriptor Keyspace, RangeDescriptor Range, PartitionConfiguration Configuration);

/// <summary>Partitions of active eventual keyspaces by this node's view of the meta range.</summary>
internal sealed class EventualPartitions(NodeOptions node, MetaCache meta)
{
    /// <summary>Nodes that may keep hints for a partition, beside its replicas: more than can be down while it is of use.</summary>
    private const int MaxFallbacks = 4;

    private volatile View? _view;

    /// <summary>The partition with this id; null when there is none in the view.</summary>
    public EventualPartition? Find(RangeId partition) => Current()?.Find(partition);

    /// <summary>All partitions of which this node holds a replica.</summary>
    public IReadOnlyList<EventualPartition> Own => Current()?.Own ?? [];

    private View? Current()
    {
        if (meta.Current is not { } snapshot)
            return null;
        if (_view is { } view && ReferenceEquals(view.Snapshot, snapshot))
            return view;
        return _view = new View(snapshot, node.Name);
    }

    private sealed class View(MetaSnapshot snapshot, string node)
    {
        private readonly ConcurrentDictionary<RangeId, EventualPartition?> _known = new();
        private IReadOnlyList<EventualPartition>? _own;

        public MetaSnapshot Snapshot => snapshot;

        public EventualPartition? Find(RangeId partition) => _known.TryGetValue(partition, out var known) ? known : _known[partition] = Make(partition);

        public IReadOnlyList<EventualPartition> Own => _own ??=
        [
            .. snapshot.KeyspaceRows
                .Where(row => row.State == KeyspaceState.Active && row.Keyspace.Family == KeyspaceFamily.Eventual)
                .SelectMany(row => snapshot.FindKeyspace(row.Keyspace.Name)!.Ranges)
                .Where(range => range.On(node) is not null)
                .Select(range => Find(range.Id))
                .OfType<EventualPartition>(),
        ];

        private EventualPartition? Make(RangeId partition)
        {
            if (snapshot.FindRange(partition) is not { } range || snapshot.FindActive(range.Keyspace) is not { Keyspace: { Family: KeyspaceFamily.Eventual } keyspace })
                return null;
            var region = snapshot.FindNode(range.Replicas[0].Node)?.Region;
            var ring = region is null ? null : snapshot.Rings.GetValueOrDefault(region);
            var walk = ring?.GetNodes(RingRange.TokenOf(range.Keyspace, keyspace.Partitioning, range.Start), range.Replicas.Length + MaxFallbacks) ?? [];
            return new(keyspace, range, new PartitionConfiguration(range.Generation, range.Replicas, [], [.. walk.Where(name => range.On(name) is null).Take(MaxFallbacks)]));
        }
    }
}
