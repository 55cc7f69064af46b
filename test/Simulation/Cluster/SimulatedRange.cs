using System.Text;
using GrainDb.Interfaces.Ranges;
using GrainDb.Simulation.Checks;

namespace GrainDb.Simulation.Cluster;

/// <summary>One range of the cluster: its place in the key space, who places its leaders, and what must hold of its replicas.</summary>
internal sealed class SimulatedRange
{
    /// <summary>The keys of a range begin with its letter; the first range's with this one.</summary>
    private const char FirstLetter = 'k';

    private readonly HashSet<string> _keys = [];
    private Director? _director;

    public SimulatedRange(SimulatedCluster cluster, int number, int count)
    {
        Number = number;
        Descriptor = new(new RangeId(7 + number), "simulated", number == 0 ? [] : Letter(number), number == count - 1 ? null : Letter(number + 1), Generation: 1, []);
        Checks = new RunningChecks(cluster, this);
    }

    /// <summary>Place in the key space, from zero.</summary>
    public int Number { get; }

    public RangeDescriptor Descriptor { get; }

    public RunningChecks Checks { get; }

    public Director Director => _director ?? throw new InvalidOperationException("the cluster is not ready yet");

    /// <summary>Keys that somebody wrote or meant to write.</summary>
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

    public void Start(Director director) => _director = director;

    private static byte[] Letter(int number) => Encoding.UTF8.GetBytes([(char)(FirstLetter + number)]);
}
