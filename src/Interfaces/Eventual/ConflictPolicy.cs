namespace GrainDb.Interfaces.Eventual;

/// <summary>What an eventual keyspace does with values that were written concurrently; fixed for the life of the keyspace. The numbers are in files.</summary>
public enum ConflictPolicy : byte
{
    /// <summary>All of them are kept, until a write whose context has seen them takes their place.</summary>
    Siblings,

    /// <summary>The one with the highest timestamp stays, by the higher dot where timestamps are equal. The others are logged.</summary>
    LastWriterWins,

    /// <summary>A sum: every increment counts once.</summary>
    Counter,

    /// <summary>A set of byte strings: an addition wins over a removal that did not see it.</summary>
    ObservedRemoveSet,

    /// <summary>Fields with values: a concurrent write of one field is decided by timestamp, the loser is logged. A write wins over a removal that did not see it.</summary>
    LastWriterWinsMap,

    /// <summary>One value: decided by timestamp, the loser is logged.</summary>
    Register,
}
