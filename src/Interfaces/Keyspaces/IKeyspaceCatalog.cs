namespace GrainDb.Interfaces.Keyspaces;

/// <summary>The keyspaces of the cluster, kept in the meta range. Failures are <see cref="Errors.GrainDbException"/>.</summary>
public interface IKeyspaceCatalog
{
    /// <summary>All keyspaces by name.</summary>
    Task<IReadOnlyList<KeyspaceDescriptor>> ListAsync(CancellationToken cancellationToken);

    /// <summary>One keyspace, or null.</summary>
    Task<KeyspaceDescriptor?> GetAsync(string name, CancellationToken cancellationToken);

    /// <summary>
    /// Creates the keyspace with its ranges in one atomic write. True: created; false: exists with this very configuration.
    /// Exists with another: <see cref="Errors.ErrorCode.KeyspaceExists"/>. Out of bounds: <see cref="Errors.ErrorCode.InvalidRequest"/>.
    /// </summary>
    Task<(bool Created, KeyspaceDescriptor Keyspace)> CreateAsync(KeyspaceDescriptor keyspace, CancellationToken cancellationToken);

    /// <summary>Changes the retention, which is all that may change.</summary>
    Task<KeyspaceDescriptor> UpdateAsync(string name, TimeSpan retention, CancellationToken cancellationToken);

    /// <summary>Removes the keyspace and, in the background, its ranges and their files.</summary>
    Task DeleteAsync(string name, CancellationToken cancellationToken);
}

/// <summary>Bounds of keyspaces.</summary>
public static class KeyspaceLimits
{
    /// <summary>Longest name.</summary>
    public const int MaxNameLength = 64;

    /// <summary>Most ranges at creation.</summary>
    public const int MaxPartitions = 4096;

    /// <summary>Most replicas of a range.</summary>
    public const int MaxReplicationFactor = 7;

    /// <summary>Most keyspaces of a cluster.</summary>
    public const int MaxKeyspaces = 10_000;

    /// <summary>Shortest retention: the longest permitted transaction.</summary>
    public static readonly TimeSpan MinRetention = TimeSpan.FromSeconds(60);

    /// <summary>Longest retention.</summary>
    public static readonly TimeSpan MaxRetention = TimeSpan.FromDays(365);
}
