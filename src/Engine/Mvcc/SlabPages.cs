using System.Numerics;
using System.Runtime.CompilerServices;

namespace GrainDb.Engine.Mvcc;

/// <summary>
/// Append-only memory for the bytes of keys or of values. A byte that was written never changes and its place is never
/// written again, so memory that was handed out stays valid for as long as somebody holds it: dropping a page only drops
/// this object's reference, and the runtime frees the array after its last reader.
/// <para>
/// Each page counts its live bytes. A page without live bytes is dropped at once; a sparse one is marked by
/// <see cref="MarkSparsePages"/>, and the collector then copies what is live elsewhere. Pages grow with the store, so that
/// a small range costs a few KiB; a large allocation gets an array of its own, which is never sparse.
/// </para>
/// </summary>
internal sealed class SlabPages
{
    /// <summary>Length of a page of a large store. Above the threshold of the large object heap: pages are never copied by the runtime.</summary>
    public const int MaxPageBytes = 128 * 1024;

    /// <summary>From this length on an allocation has an array of its own; bounds the unused end of a page to an eighth.</summary>
    public const int OwnArrayBytes = MaxPageBytes / 8;

    /// <summary>Dead bytes below which evacuation is not worth a pass.</summary>
    public const int MinDeadBytes = 16 * 1024;

    // A page is sparse, and evacuation is due, when more than a third is dead: allocated <= 1.5 * live after a pass.
    private const int DeadShareDivisor = 3;

    // Object header, method table and length of an array.
    private const int ArrayOverheadBytes = 24;

    // Slot 0 stands for "no bytes" and is never released.
    private byte[][] _pages = [[], .. new byte[3][]];
    private int[] _live = new int[4];
    private bool[] _sparse = new bool[4];
    private readonly Stack<int> _freeSlots = new();
    private int _slots = 1;
    private int _current;
    private int _used;

    private readonly int _firstPageBytes;
    private int _pageCount;
    private long _capacity;

    /// <summary>No pages yet.</summary>
    /// <param name="firstPageBytes">Length of the first page that will be needed, a power of two.</param>
    public SlabPages(int firstPageBytes) => _firstPageBytes = firstPageBytes;

    /// <summary>Bytes of all pages, with the overhead of their arrays.</summary>
    public long AllocatedBytes => _capacity + ((long)_pageCount * ArrayOverheadBytes);

    /// <summary>Bytes that entries refer to.</summary>
    public long LiveBytes { get; private set; }

    /// <summary>Whether pages are marked for evacuation.</summary>
    public bool HasSparsePages { get; private set; }

    /// <summary>Whether so much is dead outside the page being filled that a pass pays.</summary>
    public bool EvacuationDue
    {
        get
        {
            // The same measure as for each page in MarkSparsePages, so that whenever this is true some page is sparse.
            var capacity = _capacity - _pages[_current].Length;
            var dead = capacity - (LiveBytes - _live[_current]);
            return dead >= MinDeadBytes && dead > capacity / DeadShareDivisor;
        }
    }

    /// <summary>The bytes at an address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReadOnlySpan<byte> Span(int page, int offset, int length) => _pages[page].AsSpan(offset, length);

    /// <summary>The bytes at an address, to be held for any time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReadOnlyMemory<byte> Memory(int page, int offset, int length) => new(_pages[page], offset, length);

    /// <summary>Whether the live bytes of this page are to be moved.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsSparse(int page) => _sparse[page];

    /// <summary>Reserves bytes; the caller fills them before anybody else sees the address.</summary>
    public Span<byte> Allocate(int length, out int page, out int offset)
    {
        if (length == 0)
        {
            (page, offset) = (0, 0);
            return [];
        }

        if (length >= OwnArrayBytes)
        {
            page = AddPage(length);
            offset = 0;
        }
        else
        {
            if (_pages[_current].Length - _used < length)
                OpenPage(length);
            (page, offset) = (_current, _used);
            _used += length;
        }

        _live[page] += length;
        LiveBytes += length;
        return _pages[page].AsSpan(offset, length);
    }

    /// <summary>Says that nobody refers to these bytes any more; drops the page when it was the last.</summary>
    public void Release(int page, int length)
    {
        if (length == 0)
            return;
        _live[page] -= length;
        LiveBytes -= length;
        if (_live[page] == 0 && page != _current)
            DropPage(page);
    }

    /// <summary>Marks the pages from which live bytes are to be moved; the page being filled is never among them.</summary>
    public void MarkSparsePages()
    {
        HasSparsePages = false;
        for (var page = 1; page < _slots; page++)
        {
            var length = _pages[page].Length;
            _sparse[page] = page != _current && length - _live[page] > length / DeadShareDivisor;
            HasSparsePages |= _sparse[page];
        }
    }

    /// <summary>Ends an evacuation. A page that still holds live bytes is marked again next time.</summary>
    public void ClearMarks()
    {
        Array.Clear(_sparse);
        HasSparsePages = false;
    }

    /// <summary>Live bytes of one page; zero for an unused slot. For checks.</summary>
    internal int LiveBytesOf(int page) => _live[page];

    /// <summary>Slots in use or free, with the empty slot 0. For checks.</summary>
    internal int Slots => _slots;

    private void OpenPage(int length)
    {
        var previous = _current;
        var wanted = (int)Math.Min(BitOperations.RoundUpToPowerOf2((ulong)_capacity), MaxPageBytes);
        wanted = Math.Max(Math.Max(wanted, _firstPageBytes), (int)BitOperations.RoundUpToPowerOf2((uint)length));
        _current = AddPage(wanted);
        _used = 0;
        if (previous != 0 && _live[previous] == 0)
            DropPage(previous);
    }

    private int AddPage(int length)
    {
        if (!_freeSlots.TryPop(out var page))
        {
            page = _slots++;
            if (page == _pages.Length)
            {
                Array.Resize(ref _pages, page * 2);
                Array.Resize(ref _live, page * 2);
                Array.Resize(ref _sparse, page * 2);
            }
        }

        _pages[page] = GC.AllocateUninitializedArray<byte>(length);
        _live[page] = 0;
        _capacity += length;
        _pageCount++;
        return page;
    }

    private void DropPage(int page)
    {
        _capacity -= _pages[page].Length;
        _pageCount--;
        _pages[page] = [];
        _sparse[page] = false;
        _freeSlots.Push(page);
    }
}
