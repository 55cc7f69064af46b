using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Grains.Meta;

/// <summary>
/// What is stored with the stamp of a change of a keyspace: its row as the change left it, so that a repetition gets the original answer. The
/// split keys are left out where they would exceed the bound; they are fixed at creation and can be had from elsewhere.
/// </summary>
internal static class KeyspaceAnswer
{
    /// <summary>The stamp with its answer; null for no stamp.</summary>
    public static IdempotencyStamp? Put(IdempotencyStamp? idempotency, KeyspaceDescriptor keyspace)
    {
        if (idempotency is null)
            return null;
        var answer = Encode(keyspace);
        return idempotency with { Answer = answer.Length <= TransactionLimits.MaxIdempotencyAnswerBytes ? answer : Encode(keyspace with { SplitKeys = [] }) };
    }

    /// <summary>The keyspace of an answer.</summary>
    /// <param name="answer">Out of a stamp.</param>
    /// <param name="splitKeys">Where the answer has none although the keyspace does.</param>
    public static KeyspaceDescriptor Decode(ReadOnlyMemory<byte> answer, IReadOnlyList<byte[]> splitKeys)
    {
        var keyspace = MetaRows.Decode<KeyspaceRow>(answer).Keyspace;
        var isComplete = keyspace.Partitioning == KeyspacePartitioning.Hash || keyspace.SplitKeys.Count == keyspace.Partitions - 1;
        return isComplete ? keyspace : keyspace with { SplitKeys = splitKeys };
    }

    private static byte[] Encode(KeyspaceDescriptor keyspace) => MetaRows.Encode(new KeyspaceRow(keyspace, KeyspaceState.Active));
}
