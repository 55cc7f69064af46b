using System.Collections.Concurrent;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Grains.Sagas.Participants;

/// <summary>
/// Rows on which decisions of this node rested that were committed: the next decision begins with them, in hope, instead of reading them. Whatever rests on one checks its version, so one that has changed
/// meanwhile costs a round and nothing else.
/// </summary>
internal sealed class SeldomChangedRows
{
    /// <summary>Beyond it all are forgotten, and read again.</summary>
    private const int MaxRows = 10_000;

    private readonly ConcurrentDictionary<(string Keyspace, string Key), ScanItem?> _rows = new();

    /// <summary>All of these rows; null when one is not known.</summary>
    public KnownRows? Find(string keyspace, IReadOnlyList<string> keys)
    {
        var found = new Dictionary<string, ScanItem?>(keys.Count, StringComparer.Ordinal);
        foreach (var key in keys)
        {
            if (!_rows.TryGetValue((keyspace, key), out var row))
                return null;
            found[key] = row;
        }

        return KnownRows.Of(found);
    }

    public void Remember(string keyspace, IReadOnlyList<string> keys, KnownRows rows)
    {
        if (_rows.Count + keys.Count > MaxRows)
            _rows.Clear();
        foreach (var key in keys.Where(rows.IsKnown))
            _rows[(keyspace, key)] = rows.Find(key);
    }
}
