using GrainDb.Engine.Ranges;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Grains.Meta;

/// <summary>A keyspace with its ranges in key order.</summary>
internal sealed class KeyspaceMap : IKeyspaceRoutes
{
    private readonly RangeDescriptor[] _ranges;

    public KeyspaceMap(KeyspaceRow row, IEnumerable<RangeDescriptor> ranges)
    {
        Keyspace = row.Keyspace;
        State = row.State;
        _ranges = [.. ranges];
        Array.Sort(_ranges, (left, right) => left.Start.AsSpan().SequenceCompareTo(right.Start));
    }

    public KeyspaceDescriptor Keyspace { get; }

    /// <summary>Clients see it only when it is active.</summary>
    public KeyspaceState State { get; }

    /// <summary>Whether it is being deleted.</summary>
    public bool IsGoing => State is KeyspaceState.Deleting or KeyspaceState.Closed;

    public IReadOnlyList<RangeDescriptor> Ranges => _ranges;

    public ReadOnlyMemory<byte> RoutingKeyOf(ReadOnlyMemory<byte> key) => RoutingKey.Of(Keyspace.Partitioning, key);

    /// <summary>The range whose interval holds the routing key.</summary>
    public RangeDescriptor Find(ReadOnlySpan<byte> routingKey) => _ranges[IndexOf(routingKey)];

    /// <summary>Index in <see cref="Ranges"/> of the range whose interval holds the routing key.</summary>
    public int IndexOf(ReadOnlySpan<byte> routingKey)
    {
        var low = 0;
        var high = _ranges.Length - 1;
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (routingKey.SequenceCompareTo(_ranges[middle].Start) >= 0)
                low = middle;
            else
                high = middle - 1;
        }

        return low;
    }

    /// <summary>
    /// Index of the range that holds the largest routing key below <paramref name="end"/>; the last range when it is null.
    /// </summary>
    public int LastIndexBelow(byte[]? end)
    {
        if (end is null)
            return _ranges.Length - 1;
        var index = IndexOf(end);
        return index > 0 && _ranges[index].Start.AsSpan().SequenceEqual(end) ? index - 1 : index;
    }
}
