using System.Text;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using GrainDb.Simulation.Checks;
using GrainDb.Simulation.Transactions;

namespace GrainDb.Simulation.Cluster;

/// <summary>One range of the cluster: its place in the key space, who places its leaders, and what must hold of its replicas.</summary>
internal sealed class SimulatedRange
{
    /// <summary>The keys of a range begin with its letter; the first range's with this one.</summary>
    private const char FirstLetter = 'k';

    private const long FirstId = 7;

    private readonly HashSet<string> _keys = [];
    private Director? _director;

    private SimulatedRange(SimulatedCluster cluster, int number, RangeDescriptor descriptor, KeyspacePartitioning partitioning)
    {
        (Number, Descriptor, Partitioning) = (number, descriptor, partitioning);
        Checks = new RunningChecks(cluster, this);
    }

    /// <summary>Ranges of the clients' keys, without a gap.</summary>
    public static IEnumerable<SimulatedRange> OfKeys(SimulatedCluster cluster, int count) => Enumerable.Range(0, count).Select(number => new SimulatedRange(
        cluster,
        number,
        new(new RangeId(FirstId + number), DataKeyspace.Name, number == 0 ? [] : Letter(number), number == count - 1 ? null : Letter(number + 1), Generation: 1, []),
        KeyspacePartitioning.Range));

    /// <summary>Place in the key space, from zero.</summary>
    public int Number { get; }

    public RangeDescriptor Descriptor { get; }

    public RunningChecks Checks { get; }

    public Director Director => _director ?? throw new InvalidOperationException("the cluster is not ready yet");

    public KeyspacePartitioning Partitioning { get; }

    /// <summary>Routing keys that somebody wrote or meant to write, one character a byte.</summary>
    public IReadOnlyCollection<string> Keys => _keys;

    /// <summary>A key in this range.</summary>
    public string Key(int number) => Key($"{number}");

    /// <summary>A key in this range.</summary>
    public string Key(string name)
    {
        var key = $"{(char)(FirstLetter + Number)}{name}";
        _keys.Add(key);
        return key;
    }

    /// <summary>Notes a routing key.</summary>
    public void Note(ReadOnlySpan<byte> key) => _keys.Add(Encoding.Latin1.GetString(key));

    public void Start(Director director) => _director = director;

    private static byte[] Letter(int number) => Encoding.UTF8.GetBytes([(char)(FirstLetter + number)]);
}
