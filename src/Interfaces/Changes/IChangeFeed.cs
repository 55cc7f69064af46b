using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Interfaces.Changes;

/// <summary>
/// The change feeds of a cluster as one node offers them to the API in its process: everything that is committed in a keyspace, once
/// and in order, whatever becomes of leaders and nodes meanwhile.
/// </summary>
public interface IChangeFeed
{
    /// <summary>
    /// Opens a feed; returns when every range concerned has answered once, so what cannot be served is said here. Failures: <c>KeyspaceNotFound</c>;
    /// <c>UnsupportedForFamily</c>; <c>CursorCompacted</c>: versions above the position were collected, or the keyspace is another one;
    /// <c>InvalidRequest</c>: the position is in the future; <c>Overloaded</c>: a range has too many who wait; <c>Unavailable</c>: a range has no leader.
    /// </summary>
    /// <param name="query">What to follow, from where.</param>
    /// <param name="timeout">Budget of the opening.</param>
    /// <param name="cancellationToken">The caller gave up.</param>
    ValueTask<ChangeFeedOpening> OpenAsync(ChangeFeedQuery query, TimeSpan timeout, CancellationToken cancellationToken);
}

/// <summary>What a feed follows.</summary>
/// <param name="Keyspace">Name of the keyspace.</param>
/// <param name="Prefix">Of the user's keys; empty for all.</param>
/// <param name="From">Behind which position it begins; null for now.</param>
/// <param name="IsConnected">Whether the reader stays: then what it has not read is kept from collection, within a bound.</param>
public sealed record ChangeFeedQuery(string Keyspace, ReadOnlyMemory<byte> Prefix, FeedPosition? From, bool IsConnected);

/// <summary>A feed, or why there is none.</summary>
/// <param name="Failure">Null when it is open.</param>
/// <param name="Stream">The feed; null when there is none.</param>
public readonly record struct ChangeFeedOpening(Failure? Failure, IChangeStream? Stream);

/// <summary>One open feed, read by one reader.</summary>
public interface IChangeStream : IAsyncDisposable
{
    /// <summary>Behind which position the feed has come: everything before it was given out.</summary>
    FeedPosition Position { get; }

    /// <summary>
    /// The next changes, or, when there are none within <paramref name="wait"/>, how far the feed is complete. What comes faster than it is
    /// taken is held up at its source: only a bounded part of it waits here.
    /// </summary>
    /// <param name="wait">How long to wait for a change.</param>
    /// <param name="cancellationToken">The reader gave up.</param>
    ValueTask<ChangeBatch> NextAsync(TimeSpan wait, CancellationToken cancellationToken);
}

/// <summary>A part of a feed.</summary>
/// <param name="Changes">In order; empty when only progress is told.</param>
/// <param name="Position">Behind the last change; without changes, up to where the feed is complete.</param>
/// <param name="End">Why the feed cannot go on; null when it can. With it there are no changes.</param>
public readonly record struct ChangeBatch(IReadOnlyList<FeedChange> Changes, FeedPosition Position, Failure? End);

/// <summary>One committed version in a feed.</summary>
/// <param name="Position">The feed behind it.</param>
/// <param name="Key">The user's key.</param>
/// <param name="Version">Its commit timestamp.</param>
/// <param name="Deleted">Whether the key was deleted.</param>
/// <param name="Previous">The live version that it replaced; zero when the key did not exist.</param>
/// <param name="ExpiresAt">When its time to live ends; zero for never.</param>
/// <param name="ContentType">Its media type; empty for none.</param>
/// <param name="Value">Its bytes; empty for a deletion.</param>
/// <param name="Transaction">The transaction that wrote it, or none.</param>
public readonly record struct FeedChange(
    FeedPosition Position,
    ReadOnlyMemory<byte> Key,
    Timestamp Version,
    bool Deleted,
    Timestamp Previous,
    Timestamp ExpiresAt,
    string ContentType,
    ReadOnlyMemory<byte> Value,
    TransactionId Transaction);
