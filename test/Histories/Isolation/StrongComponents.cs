namespace GrainDb.Histories.Isolation;

/// <summary>Strongly connected components (Tarjan, 1972), without recursion: a component of several points is where cycles are.</summary>
internal static class StrongComponents
{
    private const int Unseen = -1;

    /// <summary>The component of every point; -1 for points that are alone in theirs.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="kinds">Dependencies that count.</param>
    public static int[] Find(DependencyGraph graph, DependencyKind kinds)
    {
        var component = new int[graph.Points];
        var index = new int[graph.Points];
        var low = new int[graph.Points];
        var onStack = new bool[graph.Points];
        Array.Fill(component, Unseen);
        Array.Fill(index, Unseen);
        var stack = new Stack<int>();
        var path = new Stack<(int Point, int Next)>();
        var (seen, components) = (0, 0);
        for (var root = 0; root < graph.Points; root++)
        {
            if (index[root] != Unseen)
                continue;
            path.Push((root, 0));
            while (path.TryPop(out var at))
            {
                var (point, next) = at;
                if (next == 0)
                {
                    index[point] = low[point] = seen++;
                    stack.Push(point);
                    onStack[point] = true;
                }

                var leaving = graph.Leaving(point);
                var descends = false;
                for (; next < leaving.Length; next++)
                {
                    var dependency = graph.Dependencies[leaving[next]];
                    if ((dependency.Kind & kinds) == DependencyKind.None)
                        continue;
                    var target = graph.Target(dependency);
                    if (index[target] == Unseen)
                    {
                        path.Push((point, next + 1));
                        path.Push((target, 0));
                        descends = true;
                        break;
                    }

                    if (onStack[target])
                        low[point] = Math.Min(low[point], index[target]);
                }

                if (descends)
                    continue;
                if (path.TryPeek(out var parent))
                    low[parent.Point] = Math.Min(low[parent.Point], low[point]);
                if (low[point] == index[point])
                    Close(point, stack, onStack, component, ref components);
            }
        }

        return component;
    }

    private static void Close(int root, Stack<int> stack, bool[] onStack, int[] component, ref int components)
    {
        var isAlone = stack.Peek() == root;
        int member;
        do
        {
            member = stack.Pop();
            onStack[member] = false;
            component[member] = isAlone ? Unseen : components;
        }
        while (member != root);
        components++;
    }
}
