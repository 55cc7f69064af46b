using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Eventual;

/// <summary>One value of a key, as one write left it.</summary>
/// <param name="Dot">The write.</param>
/// <param name="Timestamp">When it was written: above every value that the write took the place of.</param>
/// <param name="IsTombstone">Whether it says that there is no value. Of a data type it still holds what was deleted.</param>
/// <param name="ExpiresAt">From this timestamp on it reads as absent; zero for never.</param>
/// <param name="Stored">Media type and value (<see cref="Ranges.StoredValue"/>), or the state of a data type.</param>
public sealed record Sibling(Dot Dot, Timestamp Timestamp, bool IsTombstone, Timestamp ExpiresAt, ReadOnlyMemory<byte> Stored)
{
    /// <summary>Whether a reader sees it at a time.</summary>
    public bool IsVisibleAt(Timestamp now) => !IsTombstone && !IsExpiredAt(now);

    /// <summary>Whether its time to live was over.</summary>
    public bool IsExpiredAt(Timestamp now) => !ExpiresAt.IsZero && ExpiresAt <= now;

    /// <inheritdoc/>
    public bool Equals(Sibling? other) =>
        other is not null && Dot == other.Dot && Timestamp == other.Timestamp && IsTombstone == other.IsTombstone && ExpiresAt == other.ExpiresAt
        && Stored.Span.SequenceEqual(other.Stored.Span);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Dot, Timestamp, IsTombstone, ExpiresAt, Stored.Length);

    /// <summary>Its dot and what it is.</summary>
    public override string ToString() => $"{Dot}{(IsTombstone ? " deleted" : "")} @{Timestamp}";
}
