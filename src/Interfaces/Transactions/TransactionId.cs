using System.Buffers.Binary;
using System.Globalization;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Interfaces.Transactions;

/// <summary>
/// Names one transaction; never reused. The first half is the timestamp at which it began, which is also its age where transactions wait for each
/// other (older means smaller) and bounds how long it can live; the second half is random. Written as 32 lower-case hex digits.
/// </summary>
/// <param name="Began">Timestamp of its beginning, by the clock of the node that began it.</param>
/// <param name="Nonce">Random.</param>
[GenerateSerializer, Immutable, Alias("graindb.transaction-id")]
public readonly record struct TransactionId([property: Id(0)] Timestamp Began, [property: Id(1)] ulong Nonce) : IComparable<TransactionId>
{
    /// <summary>Bytes of the binary form: both halves, big-endian.</summary>
    public const int Bytes = 16;

    /// <summary>No transaction.</summary>
    public static readonly TransactionId None;

    /// <summary>Whether this is <see cref="None"/>.</summary>
    public bool IsNone => this == None;

    /// <summary>Reads 32 hex digits.</summary>
    public static bool TryParse(string? text, out TransactionId id)
    {
        id = None;
        if (text is not { Length: 2 * Bytes } || !Timestamp.TryParse(text[..Bytes], out var began)
            || !ulong.TryParse(text.AsSpan(Bytes), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var nonce))
        {
            return false;
        }

        id = new(began, nonce);
        return true;
    }

    /// <summary>Reads the binary form.</summary>
    public static TransactionId Read(ReadOnlySpan<byte> bytes) =>
        new(new(BinaryPrimitives.ReadUInt64BigEndian(bytes)), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]));

    /// <summary>Writes the binary form, <see cref="Bytes"/> long.</summary>
    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt64BigEndian(bytes, Began.Value);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], Nonce);
    }

    /// <summary>Older first.</summary>
    public int CompareTo(TransactionId other) => Began != other.Began ? Began.CompareTo(other.Began) : Nonce.CompareTo(other.Nonce);

    /// <summary>32 lower-case hex digits.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Began}{Nonce:x16}");

    /// <summary>Order.</summary>
    public static bool operator <(TransactionId left, TransactionId right) => left.CompareTo(right) < 0;

    /// <summary>Order.</summary>
    public static bool operator >(TransactionId left, TransactionId right) => left.CompareTo(right) > 0;

    /// <summary>Order.</summary>
    public static bool operator <=(TransactionId left, TransactionId right) => left.CompareTo(right) <= 0;

    /// <summary>Order.</summary>
    public static bool operator >=(TransactionId left, TransactionId right) => left.CompareTo(right) >= 0;
}
