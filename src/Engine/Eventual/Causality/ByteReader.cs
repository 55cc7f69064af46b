using System.Buffers.Binary;

namespace GrainDb.Engine.Eventual;

/// <summary>Reads the encodings of this folder from front to back. Whatever does not fit them is <see cref="InvalidDataException"/>, never anything else.</summary>
internal ref struct ByteReader(ReadOnlyMemory<byte> source, string what)
{
    private ReadOnlySpan<byte> _rest = source.Span;

    public readonly bool IsAtEnd => _rest.IsEmpty;

    /// <summary>Bytes that are not read yet.</summary>
    public readonly int Rest => _rest.Length;

    private readonly int Position => source.Length - _rest.Length;

    public byte Byte() => Take(1)[0];

    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)));

    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong)));

    public long Int64() => unchecked((long)UInt64());

    public Guid Guid() => new(Take(16), bigEndian: true);

    public ulong Varint()
    {
        if (!Mvcc.Varint.TryRead(ref _rest, out var value))
            throw Bad("a number is cut off or too long");
        return value;
    }

    /// <summary>A number of things that take at least some bytes each, so that nothing is allocated for what cannot be there.</summary>
    public int Count(int leastBytesEach)
    {
        var count = Varint();
        return count <= (ulong)(_rest.Length / leastBytesEach) ? (int)count : throw Bad("a count is larger than what follows");
    }

    /// <summary>Bytes with their length before them; they share the source's memory.</summary>
    public ReadOnlyMemory<byte> Bytes()
    {
        var length = Varint();
        if (length > (ulong)_rest.Length)
            throw Bad("a length is larger than what follows");
        var bytes = source.Slice(Position, (int)length);
        _rest = _rest[(int)length..];
        return bytes;
    }

    public void Version(byte known)
    {
        var version = Byte();
        if (version != known)
            throw Bad($"format version {version} is not known");
    }

    public readonly void End()
    {
        if (!IsAtEnd)
            throw Bad("bytes follow its end");
    }

    public readonly InvalidDataException Bad(string why) => new($"no {what}: {why}");

    private ReadOnlySpan<byte> Take(int length)
    {
        if (_rest.Length < length)
            throw Bad("it is cut off");
        var taken = _rest[..length];
        _rest = _rest[length..];
        return taken;
    }
}
