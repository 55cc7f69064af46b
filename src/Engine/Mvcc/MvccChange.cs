using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Mvcc;

/// <summary>One version as a change of its key.</summary>
/// <param name="Key">The routing key, in immutable memory that may be held for any time.</param>
/// <param name="Version">The version, tombstones included.</param>
/// <param name="Previous">
/// The next older version of the key, if a reader just below the change finds a value in it; else zero. So it does not depend on how much
/// of what nobody can read was collected.
/// </param>
public readonly record struct MvccChange(ReadOnlyMemory<byte> Key, MvccVersion Version, Timestamp Previous)
{
    /// <summary>Bytes of key and value.</summary>
    public int Bytes => Key.Length + Version.Value.Length;
}
