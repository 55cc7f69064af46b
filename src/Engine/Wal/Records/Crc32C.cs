using System.Buffers.Binary;
using System.Numerics;

namespace GrainDb.Engine.Wal;

/// <summary>
/// CRC-32C (Castagnoli polynomial, reflected, as in iSCSI RFC 3720 and ext4), eight bytes an instruction where the
/// processor has one. Checks: the CRC of the ASCII digits 1 to 9 is 0xE3069283.
/// </summary>
/// <remarks>A running value is the register before the final inversion: begin with <see cref="Start"/>, end with <see cref="Finish"/>.</remarks>
internal static class Crc32C
{
    public const uint Start = uint.MaxValue;

    public static uint Append(uint running, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length >= sizeof(ulong))
        {
            running = BitOperations.Crc32C(running, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }

        foreach (var single in bytes) running = BitOperations.Crc32C(running, single);
        return running;
    }

    public static uint Append(uint running, uint value) => BitOperations.Crc32C(running, value);

    public static uint Append(uint running, ulong value) => BitOperations.Crc32C(running, value);

    public static uint Finish(uint running) => ~running;

    public static uint Compute(ReadOnlySpan<byte> bytes) => Finish(Append(Start, bytes));
}
