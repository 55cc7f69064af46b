using GrainDb.Grains.Sagas.Http;

namespace GrainDb.Grains.Hosting;

/// <summary>What one node is. The host fills it from the command line and configuration; validated at start.</summary>
public sealed class NodeOptions
{
    /// <summary>Stable name: 1 to 64 of <c>a-z A-Z 0-9 - _ .</c>.</summary>
    public required string Name { get; set; }

    /// <summary>Region of the node.</summary>
    public string Region { get; set; } = "local";

    /// <summary>Relative capacity: above 0, at most 1000.</summary>
    public double Weight { get; set; } = 1;

    /// <summary>The node's own directory, <c>DATA/NODE</c>; created when absent, locked while the node runs.</summary>
    public required string DataDirectory { get; set; }

    /// <summary>Most bootstrap nodes: each holds a replica of the meta range.</summary>
    public const int MaxBootstrapNodes = Interfaces.Keyspaces.KeyspaceLimits.MaxReplicationFactor;

    /// <summary>
    /// The nodes that hold the first meta range, an odd number of at most <see cref="MaxBootstrapNodes"/>; the same list in the same order on
    /// every node. The first of them creates the database.
    /// </summary>
    public required IReadOnlyList<string> BootstrapNodes { get; set; }

    /// <summary>Where this node serves HTTP; null when it does not.</summary>
    public string? HttpEndpoint { get; set; }

    /// <summary>Services outside the database that sagas may call; the same on every node.</summary>
    public SagaHttpOptions SagaHttp { get; set; } = SagaHttpOptions.None;

    /// <summary>How long a saga that has ended is kept, with its log and what services kept of its steps; several times the longest timeout of a step. The same on every node.</summary>
    public TimeSpan SagaRetention { get; set; } = TimeSpan.FromDays(7);

    /// <summary>Longest value in bytes.</summary>
    public int MaxValueBytes { get; set; } = Interfaces.Keys.KeyLimits.DefaultMaxValueBytes;
}
