using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Mvcc;

/// <summary>Where a walk for changes goes on: the first version that is not before this one.</summary>
/// <param name="Key">The routing key.</param>
/// <param name="Timestamp">Its version.</param>
public readonly record struct ChangeCursor(byte[] Key, Timestamp Timestamp)
{
    /// <summary>The beginning of an interval of keys.</summary>
    public static ChangeCursor AtStart(byte[] start) => new(start, Timestamp.Max);
}
