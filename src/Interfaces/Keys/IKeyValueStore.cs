namespace GrainDb.Interfaces.Keys;

/// <summary>
/// The data operations of a cluster as one node offers them to the API in its process: finds the range, calls its leader
/// (in process where it is local), retries stale routes within the deadline where nothing can have been proposed.
/// Expected failures are results; nothing here throws for them. Keys are the user's keys.
/// </summary>
public interface IKeyValueStore
{
    /// <summary>Commits one write; linearizable.</summary>
    /// <param name="keyspace">Name of the keyspace.</param>
    /// <param name="write">What to write.</param>
    /// <param name="options">How many replicas must have it durably before it is answered, and what makes a repetition one.</param>
    /// <param name="timeout">Budget of the whole operation; after it a write that was proposed is <c>OutcomeUnknown</c>.</param>
    /// <param name="cancellationToken">The caller gave up: the write may still commit.</param>
    ValueTask<WriteResult> WriteAsync(string keyspace, KeyWrite write, WriteOptions options, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>Reads the newest version at <paramref name="asOf"/> (zero: now, as <paramref name="consistency"/> says).</summary>
    /// <param name="keyspace">Name of the keyspace.</param>
    /// <param name="key">The user's key.</param>
    /// <param name="asOf">Snapshot, or zero. A snapshot reads the same everywhere; the consistency then only says who may be asked.</param>
    /// <param name="consistency">What it must see, and whether somebody else than the leader may serve it.</param>
    /// <param name="timeout">Budget of the whole operation.</param>
    /// <param name="cancellationToken">The caller gave up.</param>
    ValueTask<ReadResult> ReadAsync(
        string keyspace,
        ReadOnlyMemory<byte> key,
        Timestamp asOf,
        ReadConsistency consistency,
        TimeSpan timeout,
        CancellationToken cancellationToken);

    /// <summary>Reads one page of a snapshot over any number of ranges.</summary>
    /// <param name="keyspace">Name of the keyspace.</param>
    /// <param name="query">What to scan.</param>
    /// <param name="consistency">What it must see, and whether others than the leaders may serve it.</param>
    /// <param name="timeout">Budget of the whole operation.</param>
    /// <param name="cancellationToken">The caller gave up.</param>
    ValueTask<ScanResult> ScanAsync(string keyspace, ScanQuery query, ReadConsistency consistency, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>Reads all retained versions of a key.</summary>
    /// <param name="keyspace">Name of the keyspace.</param>
    /// <param name="key">The user's key.</param>
    /// <param name="timeout">Budget of the whole operation.</param>
    /// <param name="cancellationToken">The caller gave up.</param>
    ValueTask<HistoryResult> HistoryAsync(string keyspace, ReadOnlyMemory<byte> key, TimeSpan timeout, CancellationToken cancellationToken);
}
