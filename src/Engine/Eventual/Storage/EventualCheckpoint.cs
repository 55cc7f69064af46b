using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// The blocks of an eventual replica's checkpoint.
/// <code>
/// u8 1 · keys, each: varint length, key · u64 LSN · varint length, state
/// u8 2 · conflicts, each: u64 LSN · varint length, conflict
/// u8 3 · results of requests, each: u64 LSN · varint length, result
/// </code>
/// </summary>
internal static class EventualCheckpoint
{
    private const byte KeysBlock = 1;
    private const byte ConflictsBlock = 2;
    private const byte RequestsBlock = 3;

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

    /// <summary>Writes results of requests from an index on, up to about so many bytes.</summary>
    /// <returns>The index of the first that was not written.</returns>
    public static int WriteRequests(List<(Lsn Lsn, RequestResult Result)> requests, int from, ByteWriter to, int bytes)
    {
        to.Byte(RequestsBlock);
        for (; from < requests.Count && to.Length < bytes; from++)
        {
            to.UInt64(requests[from].Lsn.Value);
            to.Bytes(RequestResultCodec.Encode(requests[from].Result));
        }

        return from;
    }

    /// <summary>Takes a block in.</summary>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public static void Load(ReadOnlyMemory<byte> block, EventualStore store, ConflictLog conflicts, RequestMemory requests)
    {
        var reader = new ByteReader(block, "block of an eventual replica's checkpoint");
        var kind = reader.Byte();
        if (kind is not (KeysBlock or ConflictsBlock or RequestsBlock))
            throw reader.Bad($"kind {kind} is not known");
        while (!reader.IsAtEnd)
        {
            if (kind == ConflictsBlock)
            {
                conflicts.Add(new Lsn(reader.UInt64()), reader.Bytes().ToArray());
            }
            else if (kind == RequestsBlock)
            {
                requests.Add(new Lsn(reader.UInt64()), RequestResultCodec.Decode(reader.Bytes()));
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
