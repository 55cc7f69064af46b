namespace GrainDb.Interfaces.Transactions;

/// <summary>What a transaction is isolated from.</summary>
public enum IsolationLevel : byte
{
    /// <summary>All reads from one snapshot; of two that write the same key the first committer wins. Write skew is possible.</summary>
    Snapshot,

    /// <summary>As if transactions ran one after the other: fails too when anything that was read, keys and scanned intervals, changed before the commit.</summary>
    Serializable,
}
