using GrainDb.Interfaces.Transactions;

namespace GrainDb.Histories.Isolation;

/// <summary>Why one transaction comes before another.</summary>
[Flags]
internal enum DependencyKind : byte
{
    None = 0,

    /// <summary>ww: it wrote the version before.</summary>
    Write = 1,

    /// <summary>wr: it wrote what the other read.</summary>
    Read = 2,

    /// <summary>rw, anti-dependency: it read what the other replaced.</summary>
    Anti = 4,

    /// <summary>It had ended before the other began.</summary>
    RealTime = 8,

    /// <summary>A transaction's own beginning comes before its commit.</summary>
    Own = 16,
}

/// <summary>One dependency.</summary>
/// <param name="From">Index of a transaction.</param>
/// <param name="To">Index of another.</param>
/// <param name="Kind">Why.</param>
/// <param name="Key">Through which key; null for real time.</param>
/// <param name="IsScan">Whether the key was scanned rather than named.</param>
internal readonly record struct Dependency(int From, int To, DependencyKind Kind, string? Key, bool IsScan = false);

/// <summary>
/// Transactions and their dependencies as a graph of points in time. A snapshot transaction has two points, its snapshot and its commit; one that
/// is serializable has one, since what it read still holds when it commits. What is written or had ended before leads from a commit to a snapshot;
/// an anti-dependency leads from a snapshot to a commit. There are points in time that explain a history exactly when this graph has no cycle
/// (Adya's start-ordered graph; Cerone and Gotsman, 2016): so a cycle needs no other test than that it is one, whatever levels are mixed in it.
/// </summary>
internal sealed class DependencyGraph
{
    private readonly List<Dependency> _dependencies = [];
    private int[] _first = [];
    private int[] _out = [];

    public DependencyGraph(IReadOnlyList<ClientTransaction> transactions)
    {
        Transactions = transactions;
        for (var i = 0; i < transactions.Count; i++)
        {
            if (transactions[i].Isolation == IsolationLevel.Snapshot)
                _dependencies.Add(new(i, i, DependencyKind.Own, null));
        }
    }

    public IReadOnlyList<ClientTransaction> Transactions { get; }

    public int Points => 2 * Transactions.Count;

    public IReadOnlyList<Dependency> Dependencies => _dependencies;

    public void Add(Dependency dependency)
    {
        if (dependency.From != dependency.To)
            _dependencies.Add(dependency);
    }

    /// <summary>To be called when all dependencies are there.</summary>
    public void Seal()
    {
        _first = new int[Points + 1];
        foreach (var dependency in _dependencies)
            _first[Source(dependency) + 1]++;
        for (var point = 0; point < Points; point++)
            _first[point + 1] += _first[point];
        var next = (int[])_first.Clone();
        _out = new int[_dependencies.Count];
        for (var i = 0; i < _dependencies.Count; i++)
            _out[next[Source(_dependencies[i])]++] = i;
    }

    /// <summary>Indices of the dependencies that leave a point.</summary>
    public ReadOnlySpan<int> Leaving(int point) => _out.AsSpan(_first[point], _first[point + 1] - _first[point]);

    public int Source(in Dependency dependency) => dependency.Kind is DependencyKind.Anti or DependencyKind.Own ? Snapshot(dependency.From) : Commit(dependency.From);

    public int Target(in Dependency dependency) => dependency.Kind is DependencyKind.Anti or DependencyKind.Own ? Commit(dependency.To) : Snapshot(dependency.To);

    private static int Snapshot(int transaction) => 2 * transaction;

    private int Commit(int transaction) => (2 * transaction) + (Transactions[transaction].Isolation == IsolationLevel.Snapshot ? 1 : 0);
}
