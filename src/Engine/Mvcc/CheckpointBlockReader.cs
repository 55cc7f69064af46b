using System.Buffers.Binary;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Mvcc;

/// <summary>Reads one block of <see cref="CheckpointBlockFormat"/>, checking everything that it relies on.</summary>
internal ref struct CheckpointBlockReader
{
    private readonly byte[] _key = new byte[MvccLimits.MaxKeyBytes];
    private readonly byte _knownFlags;
    private ReadOnlySpan<byte> _rest;
    private int _keyLength;
    private int _remaining;
    private bool _any;

    /// <summary>Reads the header.</summary>
    /// <exception cref="InvalidDataException">It is not a block of a known version.</exception>
    public CheckpointBlockReader(ReadOnlySpan<byte> block)
    {
        if (block.IsEmpty || block[0] is not (CheckpointBlockFormat.Version or CheckpointBlockFormat.VersionWithoutTombstoneValues))
            throw new InvalidDataException($"The block has format version {(block.IsEmpty ? 0 : block[0])}; this program reads 1 and 2.");
        _knownFlags = CheckpointBlockFormat.Tombstone | CheckpointBlockFormat.Expires | CheckpointBlockFormat.SameKey;
        if (block[0] == CheckpointBlockFormat.Version)
            _knownFlags |= CheckpointBlockFormat.TombstoneValue;
        if (block.Length < CheckpointBlockFormat.HeaderBytes)
            throw CutOff();
        GcThreshold = new(BinaryPrimitives.ReadUInt64LittleEndian(block[1..]));
        Decided = new(BinaryPrimitives.ReadUInt64LittleEndian(block[9..]));
        _remaining = BinaryPrimitives.ReadInt32LittleEndian(block[17..]);
        _rest = block[CheckpointBlockFormat.HeaderBytes..];
        if (_remaining < 0 || _remaining > _rest.Length)
            throw new InvalidDataException($"The block claims {_remaining} entries in {_rest.Length} bytes.");
        if (Decided > GcThreshold)
            throw new InvalidDataException($"The block decided {Decided} above its threshold {GcThreshold}.");
    }

    public Timestamp GcThreshold { get; }

    public Timestamp Decided { get; }

    /// <summary>The entry's key; valid until the next <see cref="Read"/>.</summary>
    public readonly ReadOnlySpan<byte> Key => _key.AsSpan(0, _keyLength);

    public Timestamp Timestamp { get; private set; }

    public bool IsTombstone { get; private set; }

    public Timestamp ExpiresAt { get; private set; }

    public ReadOnlySpan<byte> Value { get; private set; }

    /// <summary>Moves to the next entry; false behind the last.</summary>
    /// <exception cref="InvalidDataException">The block is malformed.</exception>
    public bool Read()
    {
        if (_remaining == 0)
        {
            return _rest.IsEmpty ? false : throw new InvalidDataException($"The block has {_rest.Length} bytes behind its last entry.");
        }

        _remaining--;
        var flags = Take(1)[0];
        if ((flags & ~_knownFlags) != 0 || (flags & 3) == 3 || (flags & (CheckpointBlockFormat.Tombstone | CheckpointBlockFormat.TombstoneValue)) == CheckpointBlockFormat.TombstoneValue)
            throw new InvalidDataException($"The block has an entry with flags {flags}.");
        if ((flags & CheckpointBlockFormat.SameKey) == 0)
            ReadKey();
        else if (!_any)
            throw new InvalidDataException("The first entry of the block has no key.");
        _any = true;

        Timestamp = new(Varint.Add(Timestamp.Value, TakeNumber()));
        IsTombstone = (flags & CheckpointBlockFormat.Tombstone) != 0;
        ExpiresAt = (flags & CheckpointBlockFormat.Expires) == 0 ? default : new(Varint.Add(Timestamp.Value, TakeNumber()));
        if ((flags & CheckpointBlockFormat.Expires) != 0 && ExpiresAt.IsZero)
            throw new InvalidDataException("The block has an entry that expires at zero.");
        Value = IsTombstone && (flags & CheckpointBlockFormat.TombstoneValue) == 0 ? default : Take(TakeLength(MvccLimits.MaxValueBytes, "value"));
        return true;
    }

    private void ReadKey()
    {
        var shared = TakeLength(_keyLength, "shared part of a key");
        var length = TakeLength(MvccLimits.MaxKeyBytes - shared, "key");
        Take(length).CopyTo(_key.AsSpan(shared));
        _keyLength = shared + length;
    }

    private ulong TakeNumber() => Varint.TryRead(ref _rest, out var value) ? value : throw CutOff();

    private int TakeLength(int limit, string what)
    {
        var length = TakeNumber();
        return length <= (ulong)limit ? (int)length : throw new InvalidDataException($"The block has a {what} of {length} bytes; at most {limit} are possible.");
    }

    private ReadOnlySpan<byte> Take(int length)
    {
        if (length > _rest.Length)
            throw CutOff();
        var taken = _rest[..length];
        _rest = _rest[length..];
        return taken;
    }

    private static InvalidDataException CutOff() => new("The block is cut off.");
}
