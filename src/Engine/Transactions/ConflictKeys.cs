using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keyspaces;

namespace GrainDb.Engine.Transactions;

/// <summary>Ranges name routing keys, without a keyspace; clients know keyspaces and their own keys.</summary>
public static class ConflictKeys
{
    /// <summary>Most keys that one failure names.</summary>
    private const int MaxNamed = 100;

    /// <summary>The same failure in the client's terms.</summary>
    public static Failure ToUser(Failure failure, KeyspaceDescriptor keyspace)
    {
        ArgumentNullException.ThrowIfNull(failure);
        ArgumentNullException.ThrowIfNull(keyspace);
        return failure.Keys.Count == 0
            ? failure
            : failure with { Keys = [.. failure.Keys.Take(MaxNamed).Select(key => new ConflictKey(keyspace.Name, RoutingKey.ToUserKey(keyspace.Partitioning, key.Key)))] };
    }
}
