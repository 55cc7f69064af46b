using System.Collections.Frozen;
using System.Text;
using GrainDb.Engine.Ring;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Ring;

namespace GrainDb.Grains.Meta;

/// <summary>An immutable view of the meta range at one version.</summary>
internal sealed class MetaSnapshot
{
    private readonly FrozenDictionary<string, KeyspaceMap> _keyspaces;
    private readonly FrozenDictionary<RangeId, RangeDescriptor> _ranges;

    private MetaSnapshot(
        Timestamp version,
        CatalogRow catalog,
        IReadOnlyList<KeyspaceRow> keyspaces,
        IReadOnlyList<RangeDescriptor> ranges,
        IReadOnlyList<NodeRow> nodes)
    {
        Version = version;
        Catalog = catalog;
        KeyspaceRows = keyspaces;
        Nodes = nodes;
        var byKeyspace = ranges.ToLookup(range => range.Keyspace);
        _keyspaces = keyspaces.ToFrozenDictionary(row => row.Keyspace.Name, row => new KeyspaceMap(row, byKeyspace[row.Keyspace.Name]));
        _ranges = ranges.ToFrozenDictionary(range => range.Id);
        Rings = nodes
            .Where(node => node.State is NodeState.Active or NodeState.Draining)
            .GroupBy(node => node.Region)
            .ToFrozenDictionary(
                region => region.Key,
                region => new HashRing(catalog.RingVersion, region.Select(node => new RingNode(node.Name, node.Weight)).ToArray()));
    }

    /// <summary>Version of the catalog row: grows with every change of anything in the meta range.</summary>
    public Timestamp Version { get; }

    public CatalogRow Catalog { get; }

    /// <summary>All keyspaces, in any state.</summary>
    public IReadOnlyList<KeyspaceRow> KeyspaceRows { get; }

    public IReadOnlyList<NodeRow> Nodes { get; }

    /// <summary>The ring of each region.</summary>
    public FrozenDictionary<string, HashRing> Rings { get; }

    public IEnumerable<RangeDescriptor> Ranges => _ranges.Values;

    /// <summary>A keyspace in any state.</summary>
    public KeyspaceMap? FindKeyspace(string name) => _keyspaces.GetValueOrDefault(name);

    /// <summary>A keyspace that clients see.</summary>
    public KeyspaceMap? FindActive(string name) => FindKeyspace(name) is { State: KeyspaceState.Active } map ? map : null;

    public RangeDescriptor? FindRange(RangeId range) => _ranges.GetValueOrDefault(range);

    public NodeRow? FindNode(string name) => Nodes.FirstOrDefault(node => node.Name == name);

    /// <summary>Builds the view from the rows of one scan.</summary>
    /// <exception cref="InvalidDataException">The catalog row is missing, or a row cannot be read.</exception>
    public static MetaSnapshot FromRows(IEnumerable<ScanItem> rows)
    {
        (Timestamp Version, CatalogRow Row)? catalog = null;
        var keyspaces = new List<KeyspaceRow>();
        var ranges = new List<RangeDescriptor>();
        var nodes = new List<NodeRow>();
        foreach (var row in rows)
        {
            var key = Encoding.UTF8.GetString(row.Key.Span);
            if (key == MetaRows.CatalogKey)
                catalog = (row.Version, MetaRows.Decode<CatalogRow>(row.Value));
            else if (key.StartsWith(MetaRows.KeyspacePrefix, StringComparison.Ordinal))
                keyspaces.Add(MetaRows.Decode<KeyspaceRow>(row.Value));
            else if (key.StartsWith(MetaRows.RangePrefix, StringComparison.Ordinal))
                ranges.Add(MetaRows.Decode<RangeDescriptor>(row.Value));
            else if (key.StartsWith(MetaRows.NodePrefix, StringComparison.Ordinal))
                nodes.Add(MetaRows.Decode<NodeRow>(row.Value));
        }

        return catalog is { } found
            ? new MetaSnapshot(found.Version, found.Row, keyspaces, ranges, nodes)
            : throw new InvalidDataException("the meta range has no catalog row");
    }
}
