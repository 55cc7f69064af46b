using System.Buffers;
using System.Buffers.Binary;
using GrainDb.Engine.Mvcc;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Benchmarks.Mvcc;

/// <summary>Keys as a `hash` keyspace has them (8 bytes of hash, then 9 of text) or as a `range` one has, and values that fill a payload of 265 bytes.</summary>
internal sealed class MvccWorkload
{
    public const int PayloadBytes = 265;
    private readonly byte[] _value;

    public MvccWorkload(int count, bool hashed)
    {
        Keys = new byte[count][];
        for (var index = 0; index < count; index++)
        {
            var text = $"k{index:D8}";
            if (!hashed)
            {
                Keys[index] = System.Text.Encoding.ASCII.GetBytes("orders/" + text);
                continue;
            }

            Keys[index] = new byte[17];
            BinaryPrimitives.WriteUInt64BigEndian(Keys[index], Mix((ulong)index));
            System.Text.Encoding.ASCII.GetBytes(text, Keys[index].AsSpan(8));
        }

        // Random order is the order of a fixed shuffle.
        Shuffled = [.. Keys];
        new Random(1).Shuffle(Shuffled);
        _value = new byte[PayloadBytes - Keys[0].Length];
        new Random(2).NextBytes(_value);
    }

    public byte[][] Keys { get; }

    public byte[][] Shuffled { get; }

    /// <summary>A store with every key once, written in the given order at timestamps 1, 2, ...</summary>
    public MvccStore Insert(byte[][] order)
    {
        var store = new MvccStore();
        InsertInto(store, order, 1);
        return store;
    }

    public void InsertInto(MvccStore store, byte[][] order, ulong firstTimestamp)
    {
        foreach (var key in order)
            store.Apply(key, new Timestamp(firstTimestamp++), false, Timestamp.Zero, _value);
    }

    /// <summary>The blocks of a checkpoint, 1 MiB each.</summary>
    public static List<byte[]> Checkpoint(MvccStore store)
    {
        var blocks = new List<byte[]>();
        var cursor = store.BeginCheckpoint();
        bool more;
        do
        {
            var output = new ArrayBufferWriter<byte>(1024 * 1024);
            more = store.WriteSlice(cursor, output, 1024 * 1024);
            blocks.Add(output.WrittenSpan.ToArray());
        }
        while (more);
        return blocks;
    }

    public static MvccStore Load(List<byte[]> blocks)
    {
        var store = new MvccStore();
        foreach (var block in blocks)
            store.LoadBlock(block);
        return store;
    }

    // The finalizer of SplitMix64.
    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
