using GrainDb.Interfaces.Transactions;

namespace GrainDb.Interfaces.Keyspaces;

/// <summary>What a change of a keyspace came to.</summary>
/// <param name="Keyspace">As the change left it; of a removal as it was.</param>
/// <param name="Created">Whether it was created; false: it existed.</param>
/// <param name="IsRepeated">Whether the same request took effect before: then this is its result.</param>
public sealed record KeyspaceChange(KeyspaceDescriptor Keyspace, bool Created, bool IsRepeated);

/// <summary>What of a keyspace is to change; everything else is fixed at its creation.</summary>
/// <param name="Retention">How long old versions stay readable from now on; null: as long as now.</param>
/// <param name="DefaultIsolation">Isolation of transactions that name none, as soon as their nodes have heard of it; null: as it is.</param>
public sealed record KeyspacePatch(TimeSpan? Retention, IsolationLevel? DefaultIsolation = null);

/// <summary>The keyspaces of the cluster, kept in the meta range. Failures are <see cref="Errors.GrainDbException"/>.</summary>
public interface IKeyspaceCatalog
{
    /// <summary>All keyspaces by name.</summary>
    Task<IReadOnlyList<KeyspaceDescriptor>> ListAsync(CancellationToken cancellationToken);

    /// <summary>One keyspace, or null.</summary>
    Task<KeyspaceDescriptor?> GetAsync(string name, CancellationToken cancellationToken);

    /// <summary>
    /// Creates the keyspace with its ranges in one atomic write, unless it exists with this very configuration.
    /// Exists with another: <see cref="Errors.ErrorCode.KeyspaceExists"/>. Out of bounds: <see cref="Errors.ErrorCode.InvalidRequest"/>.
    /// </summary>
    /// <param name="keyspace">What is asked for.</param>
    /// <param name="idempotency">Makes a repeated request one; null for none. Its answer is the catalog's to fill.</param>
    /// <param name="cancellationToken">The caller gave up: it may still be created.</param>
    Task<KeyspaceChange> CreateAsync(KeyspaceDescriptor keyspace, IdempotencyStamp? idempotency, CancellationToken cancellationToken);

    /// <summary>Changes what may change.</summary>
    /// <param name="name">The keyspace.</param>
    /// <param name="patch">What is to be otherwise.</param>
    /// <param name="idempotency">Makes a repeated request one; null for none. Its answer is the catalog's to fill.</param>
    /// <param name="cancellationToken">The caller gave up: it may still be changed.</param>
    Task<KeyspaceChange> UpdateAsync(string name, KeyspacePatch patch, IdempotencyStamp? idempotency, CancellationToken cancellationToken);

    /// <summary>Removes the keyspace and, in the background, its ranges and their files.</summary>
    /// <param name="name">The keyspace.</param>
    /// <param name="idempotency">Makes a repeated request one; null for none. Its answer is the catalog's to fill.</param>
    /// <param name="cancellationToken">The caller gave up: it may still be removed.</param>
    Task<KeyspaceChange> DeleteAsync(string name, IdempotencyStamp? idempotency, CancellationToken cancellationToken);

    /// <inheritdoc cref="CreateAsync(KeyspaceDescriptor, IdempotencyStamp?, CancellationToken)"/>
    Task<KeyspaceChange> CreateAsync(KeyspaceDescriptor keyspace, CancellationToken cancellationToken) => CreateAsync(keyspace, idempotency: null, cancellationToken);

    /// <inheritdoc cref="UpdateAsync(string, KeyspacePatch, IdempotencyStamp?, CancellationToken)"/>
    Task<KeyspaceChange> UpdateAsync(string name, KeyspacePatch patch, CancellationToken cancellationToken) => UpdateAsync(name, patch, idempotency: null, cancellationToken);

    /// <inheritdoc cref="DeleteAsync(string, IdempotencyStamp?, CancellationToken)"/>
    Task<KeyspaceChange> DeleteAsync(string name, CancellationToken cancellationToken) => DeleteAsync(name, idempotency: null, cancellationToken);
}

/// <summary>Bounds of keyspaces.</summary>
public static class KeyspaceLimits
{
    /// <summary>Longest name.</summary>
    public const int MaxNameLength = 64;

    /// <summary>Most ranges at creation.</summary>
    public const int MaxPartitions = 4096;

    /// <summary>Partitions of an eventual keyspace for which nobody names a number.</summary>
    public const int DefaultEventualPartitions = 32;

    /// <summary>Most replicas of a range.</summary>
    public const int MaxReplicationFactor = 7;

    /// <summary>Most keyspaces of a cluster.</summary>
    public const int MaxKeyspaces = 10_000;

    /// <summary>Shortest retention: the longest permitted transaction.</summary>
    public static readonly TimeSpan MinRetention = TimeSpan.FromSeconds(60);

    /// <summary>Longest retention.</summary>
    public static readonly TimeSpan MaxRetention = TimeSpan.FromDays(365);
}
