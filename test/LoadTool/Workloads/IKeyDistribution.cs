namespace GrainDb.LoadTool.Workloads;

/// <summary>Chooses key numbers. Belongs to one client; not shared.</summary>
internal interface IKeyDistribution
{
    /// <summary>The next key number, from 0 to the number of keys minus 1.</summary>
    int Next();
}

/// <summary>Every key equally often.</summary>
internal sealed class UniformDistribution(int keys, Random random) : IKeyDistribution
{
    /// <inheritdoc/>
    public int Next() => random.Next(keys);
}
