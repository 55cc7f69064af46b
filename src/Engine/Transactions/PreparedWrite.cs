using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Transactions;

/// <summary>One write of a prepared transaction. Its expiry counts from the commit timestamp, which is not known yet.</summary>
/// <param name="Key">Routing key.</param>
/// <param name="IsTombstone">Whether it deletes.</param>
/// <param name="LifeMilliseconds">Time to live; zero for ever.</param>
/// <param name="Stored">See <see cref="Ranges.StoredValue"/>, without an origin; empty for a tombstone.</param>
internal readonly record struct PreparedWrite(ReadOnlyMemory<byte> Key, bool IsTombstone, long LifeMilliseconds, ReadOnlyMemory<byte> Stored)
{
    /// <summary>When the version expires; zero for never.</summary>
    public Timestamp ExpiresAt(Timestamp commit) => LifeMilliseconds == 0 ? Timestamp.Zero : commit.Add(TimeSpan.FromMilliseconds(LifeMilliseconds));
}
