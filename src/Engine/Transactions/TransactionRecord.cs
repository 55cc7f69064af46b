using System.Buffers.Binary;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// The decision about a transaction over several ranges, as a row of <c>system.transactions</c>: its key is the transaction's 16 bytes, its value is
/// <code>
/// u8  format      1
/// u8  status      1 committed, 2 aborted
/// u64 timestamp   of the commit; zero when aborted
/// u64 deadline    no decision is written at a timestamp above
/// u16 count
/// i64 participant, count times
/// </code>
/// little-endian.
/// </summary>
/// <param name="Transaction">The transaction.</param>
/// <param name="CommitTimestamp">When it committed; zero when it aborted.</param>
/// <param name="Deadline">Of the transaction.</param>
/// <param name="Participants">Every range that may hold something of it.</param>
public sealed record TransactionRecord(TransactionId Transaction, Timestamp CommitTimestamp, Timestamp Deadline, IReadOnlyList<RangeId> Participants)
{
    private const byte Format = 1;
    private const byte StatusCommitted = 1;
    private const byte StatusAborted = 2;
    private const int HeaderBytes = 2 + 8 + 8 + 2;

    /// <summary>Whether it committed.</summary>
    public bool IsCommitted => !CommitTimestamp.IsZero;

    /// <summary>What participants are told.</summary>
    public Resolution Resolution => new(Transaction, CommitTimestamp);

    /// <summary>The key of its row.</summary>
    public static byte[] KeyOf(TransactionId transaction)
    {
        var key = new byte[TransactionId.Bytes];
        transaction.Write(key);
        return key;
    }

    /// <summary>The value of its row.</summary>
    public byte[] Encode()
    {
        var value = new byte[HeaderBytes + (8 * Participants.Count)];
        value[0] = Format;
        value[1] = IsCommitted ? StatusCommitted : StatusAborted;
        BinaryPrimitives.WriteUInt64LittleEndian(value.AsSpan(2), CommitTimestamp.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(value.AsSpan(10), Deadline.Value);
        BinaryPrimitives.WriteUInt16LittleEndian(value.AsSpan(18), checked((ushort)Participants.Count));
        for (var i = 0; i < Participants.Count; i++)
            BinaryPrimitives.WriteInt64LittleEndian(value.AsSpan(HeaderBytes + (8 * i)), Participants[i].Value);
        return value;
    }

    /// <summary>Reads a row.</summary>
    /// <exception cref="InvalidDataException">It is none of this format.</exception>
    public static TransactionRecord Decode(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (key.Length != TransactionId.Bytes)
            throw new InvalidDataException($"a transaction record has a key of {key.Length} bytes");
        if (value.Length < HeaderBytes || value[0] != Format || value[1] is not (StatusCommitted or StatusAborted))
            throw new InvalidDataException("a transaction record of an unknown format");
        var timestamp = new Timestamp(BinaryPrimitives.ReadUInt64LittleEndian(value[2..]));
        var participants = new RangeId[BinaryPrimitives.ReadUInt16LittleEndian(value[18..])];
        if (value.Length != HeaderBytes + (8 * participants.Length) || timestamp.IsZero != (value[1] == StatusAborted))
            throw new InvalidDataException("a transaction record that contradicts itself");
        for (var i = 0; i < participants.Length; i++)
            participants[i] = new RangeId(BinaryPrimitives.ReadInt64LittleEndian(value[(HeaderBytes + (8 * i))..]));
        return new TransactionRecord(TransactionId.Read(key), timestamp, new Timestamp(BinaryPrimitives.ReadUInt64LittleEndian(value[10..])), participants);
    }
}
