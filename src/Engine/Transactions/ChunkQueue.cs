using System.Collections;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// A queue whose content at one moment can be kept at a cost that does not depend on its length by much: entries are never changed, so
/// a capture shares its chunks. The owner synchronizes; a capture may be read by anybody.
/// </summary>
internal sealed class ChunkQueue<T>
{
    private const int ChunkLength = 256;

    private readonly List<T[]> _chunks = [];
    private int _head;

    public int Count { get; private set; }

    public void Enqueue(T entry)
    {
        var position = _head + Count;
        if (position == _chunks.Count * ChunkLength)
            _chunks.Add(new T[ChunkLength]);
        _chunks[position / ChunkLength][position % ChunkLength] = entry;
        Count++;
    }

    public bool TryPeek(out T entry)
    {
        entry = Count == 0 ? default! : _chunks[0][_head];
        return Count > 0;
    }

    /// <summary>Removes the oldest entry. Its chunk lets go of it when all of the chunk is removed.</summary>
    public void Dequeue()
    {
        if (Count == 0)
            throw new InvalidOperationException("the queue is empty");
        Count--;
        if (++_head < ChunkLength && Count > 0)
            return;
        _chunks.RemoveAt(0);
        _head = 0;
    }

    public Capture Take() => new([.. _chunks], _head, Count);

    /// <summary>The entries at one moment, oldest first.</summary>
    internal sealed class Capture(T[][] chunks, int head, int count) : IReadOnlyCollection<T>
    {
        public int Count => count;

        public IEnumerator<T> GetEnumerator()
        {
            for (var position = head; position < head + count; position++)
                yield return chunks[position / ChunkLength][position % ChunkLength];
        }

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
