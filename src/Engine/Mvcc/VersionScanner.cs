using System.Runtime.CompilerServices;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Mvcc;

/// <summary>
/// One slice of a scan over the tree. Cost follows the keys and not their history: a chain longer than a few
/// entries is jumped over by a search.
/// </summary>
internal ref struct VersionScanner
{
    // Entries of one chain that are stepped over before a search is cheaper.
    private const int MaxSteps = 16;

    private readonly VersionSlabs _slabs;
    private readonly VersionTree _tree;
    private readonly ulong _at;
    private readonly int _limit;
    private readonly int _maxBytes;
    private readonly bool _keysOnly;
    private readonly List<MvccRow> _into;
    private int _rows;
    private long _bytes;
    private int _examined;

    public VersionScanner(VersionSlabs slabs, VersionTree tree, ulong at, int limit, int maxBytes, bool keysOnly, List<MvccRow> into)
    {
        _slabs = slabs;
        _tree = tree;
        _at = at;
        _limit = limit;
        _maxBytes = maxBytes;
        _keysOnly = keysOnly;
        _into = into;
    }

    private readonly bool IsFull => _rows >= _limit || _bytes >= _maxBytes || _examined >= MvccLimits.MaxExaminedPerSlice;

    /// <summary>Scans upwards from <paramref name="from"/>, the first version of a key, to before <paramref name="to"/>.</summary>
    public MvccScanResult Forward(TreePosition from, TreePosition to)
    {
        var (leaf, index) = from;
        var steps = 0;
        var decided = false;
        while (leaf is not null)
        {
            var isLast = ReferenceEquals(leaf, to.Leaf);
            var end = isLast ? to.Index : leaf.Count;
            for (; index < end; index++)
            {
                if (index > 0 ? leaf.ContinuesKey(_slabs, index) : leaf.ContinuesKeyOfPrevious(_slabs))
                {
                    // The first entry of the scan begins a key, so this is an older version of the key at hand.
                    if (++steps > MaxSteps)
                        break;
                    if (decided)
                    {
                        _examined++;
                        continue;
                    }
                }
                else
                {
                    if (IsFull)
                        return Result(leaf.Entries[index].Key(_slabs));
                    steps = 0;
                }

                _examined++;
                ref var entry = ref leaf.Entries[index];
                decided = entry.Timestamp <= _at;
                if (decided && entry.IsLiveAt(_slabs, _at))
                    Add(entry);
            }

            if (index < end)
            {
                // Inside a long chain: on to its visible version, or behind it.
                (leaf, index) = _tree.Seek(leaf.Entries[index].Key(_slabs), decided ? 0 : _at);
                steps = 0;
                continue;
            }

            if (isLast)
                break;
            leaf = leaf.Next;
            index = 0;
        }

        return Result([]) with { ResumeKey = null };
    }

    /// <summary>Scans downwards from before <paramref name="to"/> to <paramref name="from"/>, both the first version of a key or the end.</summary>
    public MvccScanResult Reverse(TreePosition from, TreePosition to)
    {
        var position = to;
        while (position != from)
        {
            if (IsFull)
                return Result(position.Entry.Key(_slabs));
            position = ReverseKey(Before(position));
        }

        return Result([]) with { ResumeKey = null };
    }

    // Takes the oldest version of a key, adds the key's row if it has one, and returns its newest version.
    private TreePosition ReverseKey(TreePosition position)
    {
        TreePosition visible = default;
        for (var steps = 0; ; steps++)
        {
            _examined++;
            var isVisible = position.Entry.Timestamp <= _at;
            if (isVisible)
                visible = position;
            if (!ContinuesKey(position))
                break;
            if (steps == MaxSteps)
            {
                var key = position.Entry.Key(_slabs);
                if (isVisible)
                    visible = _tree.Seek(key, _at);
                position = _tree.Seek(key, ulong.MaxValue);
                break;
            }

            position = Before(position);
        }

        if (visible.Leaf is not null && visible.Entry.IsLiveAt(_slabs, _at))
            Add(visible.Entry);
        return position;
    }

    private readonly bool ContinuesKey(TreePosition position) => position.Index > 0
        ? position.Leaf!.ContinuesKey(_slabs, position.Index)
        : position.Leaf!.ContinuesKeyOfPrevious(_slabs);

    private readonly TreePosition Before(TreePosition position)
    {
        if (position.Leaf is null)
            return new(_tree.Last, _tree.Last.Count - 1);
        return position.Index > 0
            ? new(position.Leaf, position.Index - 1)
            : new(position.Leaf.Previous, position.Leaf.Previous!.Count - 1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Add(in VersionEntry entry)
    {
        _rows++;
        _bytes += entry.KeyLength;
        var key = _slabs.Keys.Memory(entry.KeyPage, entry.KeyOffset, entry.KeyLength);
        if (_keysOnly)
        {
            _into.Add(new(key, new(new Timestamp(entry.Timestamp), false, new Timestamp(entry.ExpiresAt(_slabs)), default)));
            return;
        }

        _bytes += entry.ValueLength;
        _into.Add(new(key, entry.ToVersion(_slabs)));
    }

    private readonly MvccScanResult Result(ReadOnlySpan<byte> resumeKey) => new(resumeKey.ToArray(), _rows, _bytes, _examined);
}
