using GrainDb.Interfaces.Keys;

namespace GrainDb.Interfaces.Transactions;

/// <summary>
/// On whose behalf a snapshot is read, and which versions above it may nevertheless have been acknowledged before the transaction began, by a node
/// whose clock runs ahead. A read that meets one is answered with its timestamp instead of a value.
/// </summary>
/// <param name="Transaction">Who reads.</param>
/// <param name="UncertainUntil">The read timestamp plus the largest clock offset; zero where nothing is uncertain, since the snapshot was named by the client.</param>
/// <param name="Observed">Readings of nodes' clocks at the transaction's first contact with each: what a node wrote after that, by its own clock, came later than the beginning.</param>
[GenerateSerializer, Immutable, Alias("graindb.transaction-reader")]
public sealed record TransactionReader(
    [property: Id(0)] TransactionId Transaction,
    [property: Id(1)] Timestamp UncertainUntil,
    [property: Id(2)] ObservedClock[] Observed);

/// <summary>A reading of one node's clock.</summary>
/// <param name="Node">The node's stable name.</param>
/// <param name="Clock">Its clock.</param>
[GenerateSerializer, Immutable, Alias("graindb.observed-clock")]
public readonly record struct ObservedClock([property: Id(0)] string Node, [property: Id(1)] Timestamp Clock);
