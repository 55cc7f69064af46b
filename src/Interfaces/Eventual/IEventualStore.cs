using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Interfaces.Eventual;

/// <summary>
/// The data operations of eventual keyspaces as one node offers them to the API in its process: finds the partition, coordinates where this node has a replica of it, else gives the request to one
/// that has. Expected failures are results; nothing here throws for them. Keys are the user's keys. A strong keyspace is <see cref="Errors.ErrorCode.UnsupportedForFamily"/>.
/// </summary>
public interface IEventualStore
{
    /// <summary>Writes one key.</summary>
    /// <param name="keyspace">Name of the keyspace.</param>
    /// <param name="write">What to write.</param>
    /// <param name="level">How many replicas must have it durably before it is answered; it goes to all.</param>
    /// <param name="idempotency">
    /// Makes a repeated request one; null for none. The same key is then always coordinated by the same replica, which keeps the result with the effect: while that one is down the request is
    /// <see cref="Errors.ErrorCode.Unavailable"/>, and this attempt certainly did nothing.
    /// </param>
    /// <param name="timeout">Budget of the whole operation; after it a write that any replica may have is <see cref="Errors.ErrorCode.OutcomeUnknown"/>.</param>
    /// <param name="cancellationToken">The caller gave up: it may still be written.</param>
    ValueTask<EventualWriteResult> WriteAsync(
        string keyspace,
        EventualWrite write,
        EventualLevel level,
        IdempotencyStamp? idempotency,
        TimeSpan timeout,
        CancellationToken cancellationToken);

    /// <summary>Reads one key from all replicas, merged.</summary>
    /// <param name="keyspace">Name of the keyspace.</param>
    /// <param name="key">The user's key.</param>
    /// <param name="level">How many must have answered, and, above one, hold the answer.</param>
    /// <param name="timeout">Budget of the whole operation.</param>
    /// <param name="cancellationToken">The caller gave up.</param>
    ValueTask<EventualReadResult> ReadAsync(string keyspace, ReadOnlyMemory<byte> key, EventualLevel level, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>What became of ended conflicts, newest first, from all replicas that answer; each conflict once.</summary>
    /// <param name="keyspace">Name of the keyspace.</param>
    /// <param name="after">The last one of the page before; null for the first page.</param>
    /// <param name="limit">Most entries, from 1.</param>
    /// <param name="timeout">Budget of the whole operation.</param>
    /// <param name="cancellationToken">The caller gave up.</param>
    Task<ConflictPage> ListConflictsAsync(string keyspace, ConflictPosition? after, int limit, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>Has the replicas of a key forget the conflicts that one write ended, durably: somebody has looked at them. Values do not change.</summary>
    /// <param name="keyspace">Name of the keyspace.</param>
    /// <param name="key">The user's key.</param>
    /// <param name="winner">The write that stood (<see cref="ConflictRecord.Winner"/>).</param>
    /// <param name="timeout">Budget of the whole operation.</param>
    /// <param name="cancellationToken">The caller gave up.</param>
    Task<ConflictDismissal> DismissConflictAsync(string keyspace, ReadOnlyMemory<byte> key, Dot winner, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>
    /// Has the replicas of a partition compared with each other soon, whatever is known of them. Returns why not; null when it was taken up.
    /// <see cref="Errors.ErrorCode.RangeNotFound"/>: there is no such range; <see cref="Errors.ErrorCode.UnsupportedForFamily"/>: it is of a strong keyspace.
    /// </summary>
    Task<Failure?> RepairAsync(RangeId partition, TimeSpan timeout, CancellationToken cancellationToken);
}
