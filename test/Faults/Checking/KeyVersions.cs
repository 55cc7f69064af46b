namespace GrainDb.Faults.Checking;

/// <summary>One version of a key, as the database tells its history after the end.</summary>
internal sealed record KeyVersion(string Version, bool Deleted, string? Value);

/// <summary>All versions of a key, in the order in which they were committed: position 0 is the absent key, the first version is at 1.</summary>
internal sealed class KeyVersions
{
    private readonly Dictionary<string, int> _positions = [];
    private readonly Dictionary<string, int> _writers = [];

    /// <param name="key">The key.</param>
    /// <param name="oldestFirst">Its versions.</param>
    /// <exception cref="ArgumentException">The versions do not ascend.</exception>
    public KeyVersions(string key, IReadOnlyList<KeyVersion> oldestFirst)
    {
        Key = key;
        Versions = oldestFirst;
        for (var i = 0; i < oldestFirst.Count; i++)
        {
            if (i > 0 && string.CompareOrdinal(oldestFirst[i - 1].Version, oldestFirst[i].Version) >= 0)
                throw new ArgumentException($"{key}: versions {oldestFirst[i - 1].Version} and {oldestFirst[i].Version} do not ascend", nameof(oldestFirst));
            _positions.Add(oldestFirst[i].Version, i + 1);
            if (oldestFirst[i].Value is { } value && !_writers.TryAdd(value, i + 1))
                Repeated.Add(value);
        }
    }

    public string Key { get; }

    public IReadOnlyList<KeyVersion> Versions { get; }

    /// <summary>Values that stand there more than once although they were written once.</summary>
    public List<string> Repeated { get; } = [];

    /// <summary>Where a version stands; null when the key has no such version.</summary>
    public int? PositionOf(string? version) => version is null ? 0 : _positions.TryGetValue(version, out var position) ? position : null;

    /// <summary>Which version a value became; null when it became none.</summary>
    public int? PositionOfValue(string value) => _writers.TryGetValue(value, out var position) ? position : null;

    public KeyVersion At(int position) => Versions[position - 1];
}
