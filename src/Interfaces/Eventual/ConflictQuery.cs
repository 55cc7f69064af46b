namespace GrainDb.Interfaces.Eventual;

/// <summary>Asks a node for conflicts that ended at its replicas of a keyspace, newest first.</summary>
/// <param name="Keyspace">Name of the keyspace.</param>
/// <param name="After">Only those behind this one; null for all.</param>
/// <param name="Limit">Most entries, from 1.</param>
/// <param name="MaxBytes">Bytes of keys and values after which the answer ends; the first entry is always in it.</param>
[GenerateSerializer, Immutable, Alias("graindb.conflict-query")]
public sealed record ConflictQuery(
    [property: Id(0)] string Keyspace, [property: Id(1)] ConflictPosition? After, [property: Id(2)] int Limit, [property: Id(3)] int MaxBytes);

/// <summary>Answer to a <see cref="ConflictQuery"/>.</summary>
/// <param name="Conflicts">Newest first.</param>
/// <param name="IsLast">Whether none follows.</param>
/// <param name="IsWhole">Whether all of the node's replicas of the keyspace could be asked.</param>
[GenerateSerializer, Immutable, Alias("graindb.node-conflicts")]
public sealed record NodeConflicts([property: Id(0)] ConflictRecord[] Conflicts, [property: Id(1)] bool IsLast, [property: Id(2)] bool IsWhole);
