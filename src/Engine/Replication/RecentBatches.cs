using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Replication;

/// <summary>
/// The batches that a leader sent last, for followers that are a little behind: dense, in LSN order, oldest first. The owner synchronizes.
/// </summary>
internal sealed class RecentBatches
{
    private Batch[] _batches = new Batch[16];
    private int _first;

    /// <summary>One batch; its bytes never change.</summary>
    internal readonly record struct Batch(Lsn First, Lsn Last, ReadOnlyMemory<byte> Records);

    public int Count { get; private set; }

    public long Bytes { get; private set; }

    public Batch this[int index] => _batches[(_first + index) % _batches.Length];

    public void Add(Batch batch)
    {
        if (Count == _batches.Length)
            Grow();
        _batches[(_first + Count++) % _batches.Length] = batch;
        Bytes += batch.Records.Length;
    }

    public void RemoveOldest()
    {
        Bytes -= this[0].Records.Length;
        _batches[_first] = default;
        _first = (_first + 1) % _batches.Length;
        Count--;
    }

    /// <summary>Where the batch that begins at an LSN stands; negative when none does.</summary>
    public int IndexOf(Lsn first)
    {
        var (low, high) = (0, Count - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var order = this[middle].First.CompareTo(first);
            if (order == 0)
                return middle;
            if (order < 0)
                low = middle + 1;
            else
                high = middle - 1;
        }

        return -1;
    }

    private void Grow()
    {
        var larger = new Batch[_batches.Length * 2];
        for (var i = 0; i < Count; i++)
            larger[i] = this[i];
        (_batches, _first) = (larger, 0);
    }
}
