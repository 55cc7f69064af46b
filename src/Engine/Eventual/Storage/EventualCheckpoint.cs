using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// The blocks of an eventual replica's checkpoint.
/// <code>
/// u8 1 · keys, each: varint length, key · u64 LSN · varint length, state
/// u8 2 · conflicts, each: u64 LSN · varint length, conflict
/// </code>
/// </summary>
internal static class EventualCheckpoint
{
    private const byte KeysBlock = 1;
    private const byte ConflictsBlock = 2;

    /// <summary>Where a walk over the keys stands.</summary>
    public struct Cursor
    {
        public int Leaf;
        public ReadOnlyMemory<byte>? After;
    }

    /// <summary>Writes the keys that follow the cursor, up to about so many bytes.</summary>
    /// <returns>Whether more follow.</returns>
    public static bool WriteKeys(EventualStore store, ref Cursor cursor, ByteWriter to, int bytes)
    {
        to.Byte(KeysBlock);
        for (; cursor.Leaf < MerkleTree.Leaves; cursor.Leaf++)
        {
            foreach (var (key, stored) in store.Leaf(cursor.Leaf, cursor.After))
            {
                to.Bytes(key.Span);
                to.UInt64(stored.Lsn.Value);
                to.Bytes(stored.Encoded);
                cursor.After = key;
                if (to.Length >= bytes)
                    return true;
            }

            cursor.After = null;
        }

        return false;
    }

    public static void WriteConflicts(ConflictLog conflicts, ByteWriter to)
    {
        to.Byte(ConflictsBlock);
        foreach (var (lsn, encoded) in conflicts.Kept)
        {
            to.UInt64(lsn.Value);
            to.Bytes(encoded);
        }
    }

    /// <summary>Takes a block in.</summary>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public static void Load(ReadOnlyMemory<byte> block, EventualStore store, ConflictLog conflicts)
    {
        var reader = new ByteReader(block, "block of an eventual replica's checkpoint");
        var kind = reader.Byte();
        if (kind is not (KeysBlock or ConflictsBlock))
            throw reader.Bad($"kind {kind} is not known");
        while (!reader.IsAtEnd)
        {
            if (kind == ConflictsBlock)
            {
                conflicts.Add(new Lsn(reader.UInt64()), reader.Bytes().ToArray());
            }
            else
            {
                var key = reader.Bytes().ToArray();
                var lsn = new Lsn(reader.UInt64());
                store.Set(key, reader.Bytes().ToArray(), lsn);
            }
        }
    }
}
