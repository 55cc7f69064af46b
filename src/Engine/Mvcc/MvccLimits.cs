using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Mvcc;

/// <summary>Bounds of <see cref="MvccStore"/>.</summary>
public static class MvccLimits
{
    /// <summary>
    /// Longest routing key in bytes: the user's key, and room for what goes before it (eight bytes of hash today).
    /// </summary>
    public const int MaxKeyBytes = KeyLimits.MaxKeyBytes + 1024;

    /// <summary>Longest value in bytes: the user's value, and room for what the owner keeps beside it (its media type).</summary>
    public const int MaxValueBytes = KeyLimits.AbsoluteMaxValueBytes + 64 * 1024;

    /// <summary>
    /// Versions that one call of <see cref="MvccStore.Scan"/> looks at before it ends with a resume key, so that an interval
    /// full of tombstones holds the owner's lock for less than a millisecond.
    /// </summary>
    public const int MaxExaminedPerSlice = 16 * 1024;

    /// <summary>Live bytes that one slice of collection copies out of sparse pages; it then ends early.</summary>
    public const int MaxMovedBytesPerSlice = 1024 * 1024;
}
