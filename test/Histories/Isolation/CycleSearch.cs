namespace GrainDb.Histories.Isolation;

/// <summary>
/// Cycles of a dependency graph, the worst kind first, each as short as a bounded search finds it. Without cycles its time is linear in the
/// graph's size.
/// </summary>
internal sealed class CycleSearch(DependencyGraph graph)
{
    /// <summary>Cycles reported of one kind of search; a broken database makes thousands of them.</summary>
    private const int MaxReported = 4;

    /// <summary>Dependencies of one component from which a cycle is looked for.</summary>
    private const int MaxStarts = 200;

    /// <summary>Points looked at for all cycles of one component.</summary>
    private const int MaxSteps = 20_000_000;

    private readonly int[] _visited = new int[graph.Points];
    private readonly int[] _via = new int[graph.Points];
    private int _search;

    /// <summary>The cycles. Those that need real time come only where there are no others.</summary>
    public List<IReadOnlyList<Dependency>> Find()
    {
        var found = new List<IReadOnlyList<Dependency>>();
        foreach (var time in new[] { DependencyKind.None, DependencyKind.RealTime })
        {
            const DependencyKind Forward = DependencyKind.Write | DependencyKind.Read | DependencyKind.Own;
            Search(DependencyKind.Write | DependencyKind.Own | time, time == DependencyKind.None ? DependencyKind.Write : time, found);
            if (found.Count == 0)
                Search(Forward | time, time == DependencyKind.None ? DependencyKind.Read : time, found);
            if (found.Count == 0)
                Search(Forward | DependencyKind.Anti | time, DependencyKind.Anti, found);
            if (found.Count > 0)
                break;
        }

        return found;
    }

    /// <param name="kinds">Dependencies of which cycles may consist.</param>
    /// <param name="needed">Kinds of which each has at least one.</param>
    /// <param name="found">To which they are added, at most one per component.</param>
    private void Search(DependencyKind kinds, DependencyKind needed, List<IReadOnlyList<Dependency>> found)
    {
        var component = StrongComponents.Find(graph, kinds);
        var starts = new Dictionary<int, List<int>>();
        for (var i = 0; i < graph.Dependencies.Count; i++)
        {
            var dependency = graph.Dependencies[i];
            var of = component[graph.Source(dependency)];
            if ((dependency.Kind & needed) == DependencyKind.None || of < 0 || of != component[graph.Target(dependency)])
                continue;
            if (!starts.TryGetValue(of, out var list))
                starts.Add(of, list = []);
            if (list.Count < MaxStarts)
                list.Add(i);
        }

        foreach (var (of, list) in starts.OrderBy(pair => pair.Key).Take(MaxReported))
        {
            // One anti-dependency says more than several.
            var shortest = needed == DependencyKind.Anti ? Shortest(list, kinds & ~DependencyKind.Anti, component, of) : null;
            if ((shortest ?? Shortest(list, kinds, component, of)) is { } cycle)
                found.Add(cycle);
        }
    }

    private List<Dependency>? Shortest(List<int> starts, DependencyKind kinds, int[] component, int of)
    {
        List<Dependency>? shortest = null;
        var steps = 0;
        foreach (var start in starts)
        {
            if (steps > MaxSteps || shortest is { Count: 2 })
                break;
            if (Through(start, kinds, component, of, ref steps) is { } cycle && (shortest is null || cycle.Count < shortest.Count))
                shortest = cycle;
        }

        return shortest;
    }

    /// <summary>The shortest cycle with this dependency, the others being of these kinds; null when there is none.</summary>
    private List<Dependency>? Through(int start, DependencyKind kinds, int[] component, int of, ref int steps)
    {
        var first = graph.Dependencies[start];
        var (from, to) = (graph.Target(first), graph.Source(first));
        var queue = new Queue<int>();
        _visited[from] = ++_search;
        queue.Enqueue(from);
        while (queue.TryDequeue(out var point))
        {
            steps++;
            if (point == to)
                return Cycle(first, from, to);
            foreach (var i in graph.Leaving(point))
            {
                var dependency = graph.Dependencies[i];
                if ((dependency.Kind & kinds) == DependencyKind.None)
                    continue;
                var target = graph.Target(dependency);
                if (component[target] != of || _visited[target] == _search)
                    continue;
                _visited[target] = _search;
                _via[target] = i;
                queue.Enqueue(target);
            }
        }

        return null;
    }

    private List<Dependency> Cycle(Dependency first, int from, int to)
    {
        var cycle = new List<Dependency>();
        for (var point = to; point != from;)
        {
            var dependency = graph.Dependencies[_via[point]];
            if (dependency.Kind != DependencyKind.Own)
                cycle.Add(dependency);
            point = graph.Source(dependency);
        }

        cycle.Add(first);
        cycle.Reverse();
        return cycle;
    }
}
