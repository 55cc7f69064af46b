using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Mvcc;

/// <summary>One version of one key.</summary>
/// <param name="Timestamp">Its commit timestamp.</param>
/// <param name="IsTombstone">Whether it says that the key was deleted; then it has no expiry, and its value is not the key's.</param>
/// <param name="ExpiresAt">First timestamp at which it counts as absent; <see cref="Timestamp.Zero"/> for never.</param>
/// <param name="Value">Its bytes, in immutable memory that may be held for any time.</param>
public readonly record struct MvccVersion(Timestamp Timestamp, bool IsTombstone, Timestamp ExpiresAt, ReadOnlyMemory<byte> Value)
{
    /// <summary>Whether a reader at <paramref name="at"/> that selected this version finds a value in it.</summary>
    public bool IsLiveAt(Timestamp at) => !IsTombstone && (ExpiresAt.IsZero || ExpiresAt > at);
}
