using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Grains.Sagas.Participants;

/// <summary>Rows as one snapshot had them. A plan that rests on them names them in its checks.</summary>
internal sealed class KnownRows
{
    private readonly Dictionary<string, ScanItem?> _rows;

    private KnownRows(Dictionary<string, ScanItem?> rows) => _rows = rows;

    /// <summary>Nothing was read: the plan is made in hope, and its checks say whether rightly.</summary>
    public static KnownRows None { get; } = new([]);

    public static KnownRows Of(IReadOnlyList<string> keys, IReadOnlyList<TransactFound> found) =>
        new(keys.Zip(found, (key, row) => (key, row.Item)).ToDictionary(row => row.key, row => row.Item, StringComparer.Ordinal));

    public static KnownRows Of(Dictionary<string, ScanItem?> rows) => new(rows);

    public bool IsKnown(string key) => _rows.ContainsKey(key);

    /// <summary>The row; null when there is none, or when it is not known.</summary>
    public ScanItem? Find(string key) => _rows.GetValueOrDefault(key);

    /// <summary>The integer of a row that is known, absent being 0; null when it is no integer.</summary>
    public long? Integer(string key) => Increment.Read(Find(key)?.Value);
}
