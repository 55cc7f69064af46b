namespace GrainDb.Engine.Mvcc;

/// <summary>One row of a scan.</summary>
/// <param name="Key">The routing key, in immutable memory that may be held for any time.</param>
/// <param name="Version">The live version; its value is empty when only keys were asked for.</param>
public readonly record struct MvccRow(ReadOnlyMemory<byte> Key, MvccVersion Version);
