using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keyspaces;

namespace GrainDb.Api.Tests.Fakes;

/// <summary>The keyspaces that the fake stores have, and one eventual keyspace for each policy.</summary>
internal sealed class FakeDirectory : IKeyspaceDirectory
{
    private readonly Dictionary<string, KeyspaceDescriptor> _keyspaces = new(StringComparer.Ordinal)
    {
        ["default"] = new KeyspaceDescriptor { Name = "default" },
        ["system.meta"] = new KeyspaceDescriptor { Name = "system.meta" },
        ["cache"] = Eventual("cache", ConflictPolicy.Siblings),
        ["last"] = Eventual("last", ConflictPolicy.LastWriterWins),
        ["counters"] = Eventual("counters", ConflictPolicy.Counter),
        ["sets"] = Eventual("sets", ConflictPolicy.ObservedRemoveSet),
        ["maps"] = Eventual("maps", ConflictPolicy.LastWriterWinsMap),
        ["registers"] = Eventual("registers", ConflictPolicy.Register),
    };

    /// <summary>Thrown by the next look.</summary>
    public Exception? NextException { get; set; }

    public KeyspaceDescriptor? Find(string name) => _keyspaces.GetValueOrDefault(name);

    public ValueTask<KeyspaceDescriptor?> FindAsync(string name, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (NextException is { } exception)
        {
            NextException = null;
            throw exception;
        }

        return new(Find(name));
    }

    private static KeyspaceDescriptor Eventual(string name, ConflictPolicy policy) => new()
    {
        Name = name,
        Family = KeyspaceFamily.Eventual,
        Partitioning = KeyspacePartitioning.Hash,
        Partitions = KeyspaceLimits.DefaultEventualPartitions,
        ReplicationFactor = 3,
        Conflict = policy,
    };
}
