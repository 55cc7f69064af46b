using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Eventual;

/// <summary>The state of one key in memory.</summary>
/// <param name="Encoded">The state (<see cref="DottedSetCodec"/>).</param>
/// <param name="Hash">What stands for it in the tree.</param>
/// <param name="Lsn">The record that brought it.</param>
/// <param name="DeadFrom">From this timestamp on nobody can read a value of it; <see cref="Timestamp.Max"/> while a value stands that does not expire.</param>
/// <param name="Siblings">Number of siblings.</param>
internal sealed record StoredKey(byte[] Encoded, ulong Hash, Lsn Lsn, Timestamp DeadFrom, int Siblings);
