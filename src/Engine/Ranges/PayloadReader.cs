using System.Buffers.Binary;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Ranges;

/// <summary>Reads the fields of a payload, little-endian, one after the other. What it returns shares the payload's memory.</summary>
/// <param name="payload">The bytes.</param>
/// <param name="what">What they are, for messages.</param>
internal sealed class PayloadReader(ReadOnlyMemory<byte> payload, string what)
{
    private ReadOnlyMemory<byte> _rest = payload;

    public bool AtEnd => _rest.IsEmpty;

    public byte Byte() => Bytes(1).Span[0];

    public ushort UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2).Span);

    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Bytes(4).Span);

    public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Bytes(8).Span);

    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Bytes(8).Span);

    public UInt128 UInt128() => BinaryPrimitives.ReadUInt128LittleEndian(Bytes(16).Span);

    public Timestamp Timestamp() => new(UInt64());

    public TransactionId Transaction() => TransactionId.Read(Bytes(TransactionId.Bytes).Span);

    /// <summary>A byte of flags of which only some are known.</summary>
    public byte Flags(byte known)
    {
        var flags = Byte();
        return (flags & ~known) == 0 ? flags : throw new InvalidDataException($"{what} has unknown flags {flags}");
    }

    public ReadOnlyMemory<byte> Bytes(int length)
    {
        if (length < 0 || length > _rest.Length)
            throw new InvalidDataException($"{what} is cut short");
        var bytes = _rest[..length];
        _rest = _rest[length..];
        return bytes;
    }

    /// <summary>Nothing may be left.</summary>
    public void End()
    {
        if (!AtEnd)
            throw new InvalidDataException($"{what} has {_rest.Length} bytes left over");
    }
}
