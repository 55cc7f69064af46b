using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Ranges;

/// <summary>The transaction that wrote a version.</summary>
/// <param name="Transaction">Which.</param>
/// <param name="Prepared">
/// When it prepared in this range, by the clock of this range's leader; zero when it committed in this range alone, at its commit timestamp. The commit timestamp may have come
/// from another range's faster clock: whether a version was written before something else happened at this leader, only this one tells.
/// </param>
public readonly record struct VersionOrigin(TransactionId Transaction, Timestamp Prepared);
