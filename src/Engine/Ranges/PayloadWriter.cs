using System.Buffers;
using System.Buffers.Binary;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Ranges;

/// <summary>Writes the fields of a payload, as <see cref="PayloadReader"/> reads them.</summary>
internal readonly ref struct PayloadWriter(IBufferWriter<byte> output)
{
    public void Byte(byte value)
    {
        output.GetSpan(1)[0] = value;
        output.Advance(1);
    }

    public void UInt16(int value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(output.GetSpan(2), checked((ushort)value));
        output.Advance(2);
    }

    public void Int32(int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(output.GetSpan(4), value);
        output.Advance(4);
    }

    public void Int64(long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(output.GetSpan(8), value);
        output.Advance(8);
    }

    public void UInt128(UInt128 value)
    {
        BinaryPrimitives.WriteUInt128LittleEndian(output.GetSpan(16), value);
        output.Advance(16);
    }

    public void Timestamp(Timestamp value) => Int64((long)value.Value);

    public void Transaction(TransactionId value)
    {
        value.Write(output.GetSpan(TransactionId.Bytes));
        output.Advance(TransactionId.Bytes);
    }

    public void Bytes(ReadOnlySpan<byte> value) => output.Write(value);
}
