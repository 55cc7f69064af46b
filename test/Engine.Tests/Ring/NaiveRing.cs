using System.Globalization;
using System.IO.Hashing;
using System.Text;
using GrainDb.Engine.Ring;

namespace GrainDb.Engine.Tests.Ring;

/// <summary>The definition of the ring, written as plainly as possible: the reference for lookups, shares and differences.</summary>
internal sealed class NaiveRing
{
    private readonly (ulong Position, string Node)[] _virtualNodes;
    private readonly int _nodes;

    public NaiveRing(IReadOnlyCollection<RingNode> nodes, int perUnit)
    {
        _nodes = nodes.Count;
        _virtualNodes =
        [
            .. nodes
                .SelectMany(node => Enumerable.Range(0, (int)Math.Max(1, Math.Round(perUnit * node.Weight, MidpointRounding.AwayFromZero)))
                    .Select(i => (Hash(string.Create(CultureInfo.InvariantCulture, $"{node.Name}#{i}")), node.Name)))
                .OrderBy(virtualNode => virtualNode.Item1)
                .ThenBy(virtualNode => virtualNode.Name, StringComparer.Ordinal),
        ];
    }

    public IEnumerable<ulong> Positions => _virtualNodes.Select(virtualNode => virtualNode.Position);

    public static ulong Hash(string text) => XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(text));

    public string[] GetNodes(ulong token, int n) =>
        [
            .. _virtualNodes.SkipWhile(virtualNode => virtualNode.Position < token)
                .Concat(_virtualNodes)
                .Select(virtualNode => virtualNode.Node)
                .Distinct()
                .Take(Math.Min(n, _nodes)),
        ];

    /// <summary>Arcs between neighbouring positions of several rings: each one's last token and its length.</summary>
    public static IEnumerable<(ulong Last, double Length)> Arcs(params NaiveRing[] rings)
    {
        var cuts = rings.SelectMany(ring => ring.Positions).Distinct().Order().ToArray();
        for (var i = 0; i < cuts.Length; i++)
        {
            var length = i > 0 ? (double)(cuts[i] - cuts[i - 1]) : (double)cuts[0] + (double)(ulong.MaxValue - cuts[^1]) + 1;
            yield return (cuts[i], length / Math.Pow(2, 64));
        }
    }
}
