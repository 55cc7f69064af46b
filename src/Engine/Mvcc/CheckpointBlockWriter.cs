using System.Buffers;
using System.Buffers.Binary;

namespace GrainDb.Engine.Mvcc;

/// <summary>Writes one block of <see cref="CheckpointBlockFormat"/> from a position in the tree on.</summary>
internal static class CheckpointBlockWriter
{
    /// <summary>
    /// Writes versions until the next one might not fit into <paramref name="maxBytes"/>, but at least one if there is one.
    /// Returns whether more remain.
    /// </summary>
    public static bool Write(VersionSlabs slabs, TreePosition from, MvccCheckpointCursor cursor, IBufferWriter<byte> output, int maxBytes)
    {
        var (count, next) = Measure(from, maxBytes);
        var header = output.GetSpan(CheckpointBlockFormat.HeaderBytes);
        header[0] = CheckpointBlockFormat.Version;
        BinaryPrimitives.WriteUInt64LittleEndian(header[1..], cursor.GcThreshold.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(header[9..], cursor.Decided.Value);
        BinaryPrimitives.WriteInt32LittleEndian(header[17..], count);
        output.Advance(CheckpointBlockFormat.HeaderBytes);

        ReadOnlySpan<byte> key = [];
        var timestamp = 0UL;
        var position = from;
        for (var index = 0; index < count; index++)
        {
            ref var entry = ref position.Entry;
            WriteEntry(slabs, entry, key, isFirst: index == 0, timestamp, output);
            key = entry.Key(slabs);
            timestamp = entry.Timestamp;
            position = Next(position);
        }

        cursor.Advance(count == 0 ? null : new Separator(key.ToArray(), timestamp), count, complete: next.Leaf is null);
        return next.Leaf is not null;
    }

    // The count stands before the entries, so they are measured first; keys as if nothing were shared.
    private static (int Count, TreePosition Next) Measure(TreePosition from, int maxBytes)
    {
        var bytes = (long)CheckpointBlockFormat.HeaderBytes;
        var count = 0;
        var position = from;
        while (position.Leaf is not null)
        {
            ref var entry = ref position.Entry;
            bytes += CheckpointBlockFormat.MaxEntryOverheadBytes + entry.KeyLength + entry.ValueLength;
            if (count > 0 && bytes > maxBytes)
                break;
            count++;
            position = Next(position);
        }

        return (count, position);
    }

    private static TreePosition Next(TreePosition position)
    {
        var (leaf, index) = position;
        if (index + 1 < leaf!.Count)
            return new(leaf, index + 1);
        return leaf.Next is { } next ? new(next, 0) : TreePosition.End;
    }

    private static void WriteEntry(
        VersionSlabs slabs,
        in VersionEntry entry,
        ReadOnlySpan<byte> previousKey,
        bool isFirst,
        ulong previousTimestamp,
        IBufferWriter<byte> output)
    {
        var key = entry.Key(slabs);
        var shared = key.CommonPrefixLength(previousKey);
        var sameKey = !isFirst && shared == key.Length && shared == previousKey.Length;
        var expiresAt = entry.ExpiresAt(slabs);

        var span = output.GetSpan(CheckpointBlockFormat.MaxEntryOverheadBytes + key.Length + entry.ValueLength);
        var flags = (entry.IsTombstone ? CheckpointBlockFormat.Tombstone : 0)
            | (expiresAt != 0 ? CheckpointBlockFormat.Expires : 0)
            | (sameKey ? CheckpointBlockFormat.SameKey : 0)
            | (entry is { IsTombstone: true, ValueLength: > 0 } ? CheckpointBlockFormat.TombstoneValue : 0);
        span[0] = (byte)flags;
        var length = 1;
        if (!sameKey)
        {
            length += Varint.Write(span[length..], (ulong)shared);
            length += Varint.Write(span[length..], (ulong)(key.Length - shared));
            key[shared..].CopyTo(span[length..]);
            length += key.Length - shared;
        }

        length += Varint.Write(span[length..], Varint.Difference(entry.Timestamp, previousTimestamp));
        if (expiresAt != 0)
            length += Varint.Write(span[length..], Varint.Difference(expiresAt, entry.Timestamp));
        if (!entry.IsTombstone || entry.ValueLength > 0)
        {
            length += Varint.Write(span[length..], (ulong)entry.ValueLength);
            slabs.Values.Span(entry.ValuePage, entry.ValueOffset, entry.ValueLength).CopyTo(span[length..]);
            length += entry.ValueLength;
        }

        output.Advance(length);
    }
}
