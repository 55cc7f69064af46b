using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.IO.Hashing;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// What a reader has seen of a key, as it goes to clients and comes back with their next write (<c>GrainDb-Context</c>). To them it is opaque.
/// <para>
/// Key and checksum find mistakes; they are no signature. Counters are positions in logs that all keys of a partition share, so the context of one key would cover most of what was written of another: with the wrong
/// one values would be superseded unseen. Whoever may write a key can still make up a context that he never read.
/// </para>
/// <code>
/// u8 format version, 2 · vector · u64 newest timestamp · u32 hash of the key · u32 CRC-32C of everything before      written in base64url
/// </code>
/// </summary>
/// <param name="Seen">The writes.</param>
/// <param name="Newest">No value that was seen is newer. A write that follows gets a later timestamp, whoever's clock it is by.</param>
/// <param name="KeyHash">Of the key that was read (<see cref="HashOf"/>).</param>
public sealed record CausalContext(VersionVector Seen, Timestamp Newest, uint KeyHash)
{
    /// <summary>Of somebody who has read nothing.</summary>
    public static readonly CausalContext None = new(VersionVector.Empty, Timestamp.Zero, KeyHash: 0);

    private const byte Format = 2;

    /// <summary>Of somebody who has read this state of a key.</summary>
    public static CausalContext Of(DottedSet set, ReadOnlySpan<byte> key)
    {
        ArgumentNullException.ThrowIfNull(set);
        return new(set.Context, set.NewestTimestamp, HashOf(key));
    }

    /// <summary>What stands for a key in its contexts.</summary>
    public static uint HashOf(ReadOnlySpan<byte> key) => (uint)XxHash3.HashToUInt64(key);

    /// <summary>The bytes.</summary>
    public byte[] Encode()
    {
        var writer = new ByteWriter();
        writer.Byte(Format);
        VersionVectorCodec.Write(writer, Seen);
        writer.UInt64(Newest.Value);
        writer.UInt32(KeyHash);
        writer.UInt32(Crc(writer.Written));
        return writer.ToArray();
    }

    /// <summary>The bytes in base64url.</summary>
    public string ToToken() => Base64Url.EncodeToString(Encode());

    /// <summary>Reads the bytes.</summary>
    /// <param name="bytes">The encoded context; none at all is <see cref="None"/>.</param>
    /// <param name="key">The key that is written with it.</param>
    /// <param name="context">The context.</param>
    /// <param name="problem">What is wrong, when the result is false.</param>
    public static bool TryDecode(ReadOnlyMemory<byte> bytes, ReadOnlySpan<byte> key, [NotNullWhen(true)] out CausalContext? context, out string problem)
    {
        context = null;
        problem = "";
        if (bytes.IsEmpty)
        {
            context = None;
            return true;
        }

        if (bytes.Length > EventualLimits.MaxContextBytes)
        {
            problem = $"a context has at most {EventualLimits.MaxContextBytes} bytes";
            return false;
        }

        if (bytes.Length < sizeof(uint) || System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(bytes.Span[^sizeof(uint)..]) != Crc(bytes.Span[..^sizeof(uint)]))
        {
            problem = "the context is damaged: its checksum does not match";
            return false;
        }

        try
        {
            var reader = new ByteReader(bytes[..^sizeof(uint)], "causal context");
            reader.Version(Format);
            var seen = VersionVectorCodec.Read(ref reader);
            var newest = new Timestamp(reader.UInt64());
            var keyHash = reader.UInt32();
            reader.End();
            if (seen.Count > EventualLimits.MaxActors)
                throw reader.Bad($"it names more than {EventualLimits.MaxActors} actors");
            if (keyHash != HashOf(key))
            {
                problem = "it was read of another key";
                return false;
            }

            context = new(seen, newest, keyHash);
            return true;
        }
        catch (InvalidDataException exception)
        {
            problem = exception.Message;
            return false;
        }
    }

    /// <summary>Reads base64url.</summary>
    /// <inheritdoc cref="TryDecode"/>
    public static bool TryParse(string token, ReadOnlySpan<byte> key, [NotNullWhen(true)] out CausalContext? context, out string problem)
    {
        ArgumentNullException.ThrowIfNull(token);
        context = null;
        if (token.Length > (EventualLimits.MaxContextBytes * 4 / 3) + 4 || !Base64Url.IsValid(token))
        {
            problem = "a context is what a read answered: base64url, unchanged";
            return false;
        }

        return TryDecode(Base64Url.DecodeFromChars(token), key, out context, out problem);
    }

    private static uint Crc(ReadOnlySpan<byte> bytes) => Crc32C.Finish(Crc32C.Append(Crc32C.Start, bytes));
}
