namespace GrainDb.Engine.Tests.Wal.Disk;

/// <summary>A file's content as programs see it, as the disk has it, and the changes between the two.</summary>
internal sealed class MemoryInode
{
    private const int SectorBytes = 512;

    private readonly List<Change> _unsynced = [];
    private Content _seen = new();
    private Content _durable = new();

    public int Length => _seen.Length;

    public ReadOnlySpan<byte> Bytes => _seen.Bytes;

    public void Write(int offset, ReadOnlySpan<byte> bytes)
    {
        _seen.Write(offset, bytes);
        _unsynced.Add(new(offset, bytes.ToArray()));
    }

    public void SetLength(int length)
    {
        _seen.SetLength(length);
        _unsynced.Add(new(length, null));
    }

    public void Sync()
    {
        foreach (var change in _unsynced.Where(c => !c.Dropped)) change.Apply(_durable);
        _unsynced.RemoveAll(c => !c.Dropped);
    }

    /// <summary>The kernel marks the pages clean although they never reached the disk.</summary>
    public void FailSync() => _unsynced.ForEach(c => c.Dropped = true);

    public void FlipBit(int offset, int bit)
    {
        _seen.Bytes[offset] ^= (byte)(1 << bit);
        if (offset < _durable.Length) _durable.Bytes[offset] ^= (byte)(1 << bit);
    }

    public MemoryInode AfterPowerLoss(CrashOutcome outcome)
    {
        var content = _durable.Copy();
        foreach (var change in _unsynced)
        {
            if (change.Bytes is null)
            {
                if (outcome.KeepsMetadata()) change.Apply(content);
                continue;
            }

            for (var done = 0; done < change.Bytes.Length;)
            {
                var share = Math.Min(change.Bytes.Length - done, SectorBytes - ((change.Position + done) % SectorBytes));
                var kept = outcome.KeptBytes(share);
                if (kept > 0) content.Write(change.Position + done, change.Bytes.AsSpan(done, kept));
                done += share;
            }
        }

        return new() { _seen = content.Copy(), _durable = content };
    }

    private sealed record Change(int Position, byte[]? Bytes)
    {
        public bool Dropped { get; set; }

        public void Apply(Content content)
        {
            if (Bytes is null) content.SetLength(Position);
            else content.Write(Position, Bytes);
        }
    }

    private sealed class Content
    {
        private byte[] _array = [];

        public int Length { get; private set; }

        public Span<byte> Bytes => _array.AsSpan(0, Length);

        public void Write(int offset, ReadOnlySpan<byte> bytes)
        {
            if (offset + bytes.Length > Length) SetLength(offset + bytes.Length);
            bytes.CopyTo(_array.AsSpan(offset));
        }

        public void SetLength(int length)
        {
            if (length > _array.Length) Array.Resize(ref _array, length);
            if (length < Length) _array.AsSpan(length, Length - length).Clear();
            Length = length;
        }

        public Content Copy() => new() { _array = Bytes.ToArray(), Length = Length };
    }
}
