namespace GrainDb.Histories.Isolation;

/// <summary>The versions of one key in their order, who wrote them, and who read them.</summary>
/// <param name="key">The key.</param>
internal sealed class KeyOrder(string key)
{
    /// <summary>The writer of each version, by index in the graph; null for one that is not in it: aborted, or nobody. The state before all versions has none.</summary>
    private readonly List<int?> _writers = [];

    private readonly List<(int Versions, int Reader, bool IsScan)> _reads = [];
    private readonly List<int> _unseen = [];

    /// <summary>The next version.</summary>
    public void Add(int? writer) => _writers.Add(writer);

    /// <summary>A version that is certainly committed, but behind all that were seen, nobody knows in which order.</summary>
    public void AddUnseen(int writer) => _unseen.Add(writer);

    /// <summary>Who read the state that so many versions make.</summary>
    public void Read(int versions, int reader, bool isScan) => _reads.Add((versions, reader, isScan));

    public void AddDependencies(DependencyGraph graph)
    {
        var next = new int?[_writers.Count + 1];
        for (var i = _writers.Count - 1; i >= 0; i--)
            next[i] = _writers[i] ?? next[i + 1];
        int? last = null;
        foreach (var writer in _writers.OfType<int>())
        {
            if (last is { } before)
                graph.Add(new(before, writer, DependencyKind.Write, key));
            last = writer;
        }

        foreach (var writer in _unseen)
        {
            if (last is { } before)
                graph.Add(new(before, writer, DependencyKind.Write, key));
        }

        foreach (var (versions, reader, isScan) in _reads)
        {
            if (versions > 0 && _writers[versions - 1] is { } writer)
                graph.Add(new(writer, reader, DependencyKind.Read, key, isScan));
            if (next[versions] is { } replacing)
                graph.Add(new(reader, replacing, DependencyKind.Anti, key, isScan));
            else
                _unseen.ForEach(unseen => graph.Add(new(reader, unseen, DependencyKind.Anti, key, isScan)));
        }
    }
}
