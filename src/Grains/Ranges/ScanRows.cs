using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;

namespace GrainDb.Grains.Ranges;

/// <summary>The rows of the ranges of a scan, with the user's keys. Most scans lie in one range, whose list is then taken as it is; it is never written to.</summary>
internal sealed class ScanRows(KeyspacePartitioning partitioning)
{
    private List<ScanItem>? _own;

    public IReadOnlyList<ScanItem> All { get; private set; } = [];

    public int Count => All.Count;

    public void Add(IReadOnlyList<ScanItem> rows)
    {
        if (All.Count == 0 && partitioning == KeyspacePartitioning.Range)
        {
            All = rows;
            return;
        }

        if (_own is null)
            All = _own = [.. All];
        foreach (var row in rows)
            _own.Add(row with { Key = RoutingKey.ToUserKey(partitioning, row.Key) });
    }
}
