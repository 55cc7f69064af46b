using GrainDb.Interfaces.Keys;

namespace GrainDb.Histories;

/// <summary>One version of a key, as a database holds it.</summary>
/// <param name="Version">Its commit timestamp.</param>
/// <param name="Value">Its value; null for a tombstone.</param>
public readonly record struct KeyVersion(Timestamp Version, string? Value);
