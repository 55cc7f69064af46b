using System.Text;
using GrainDb.Api.Errors;
using GrainDb.Api.Keyspaces;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;

namespace GrainDb.Api.Conflicts;

/// <summary>
/// Names an ended conflict: keyspace, key, the write that stood, and when it ended. Opaque to clients: <see cref="OpaqueText"/> of, big-endian,
/// <code>
/// u8 version, 1 · u64 when · 16 bytes actor, u64 counter of the winner · u8 length, keyspace · key
/// </code>
/// </summary>
/// <param name="Keyspace">The keyspace.</param>
/// <param name="Key">The user's key.</param>
/// <param name="Position">Winner, and when it ended.</param>
internal sealed record ConflictId(string Keyspace, ReadOnlyMemory<byte> Key, ConflictPosition Position)
{
    private const byte Version = 1;
    private const int HeaderLength = 1 + ConflictCursor.PositionLength + 1;

    public string Format()
    {
        var name = Encoding.UTF8.GetBytes(Keyspace);
        var bytes = new byte[HeaderLength + name.Length + Key.Length];
        bytes[0] = Version;
        ConflictCursor.Write(Position, bytes.AsSpan(1));
        bytes[HeaderLength - 1] = (byte)name.Length;
        name.CopyTo(bytes, HeaderLength);
        Key.Span.CopyTo(bytes.AsSpan(HeaderLength + name.Length));
        return OpaqueText.Format(bytes);
    }

    /// <exception cref="Interfaces.Errors.GrainDbException">It is none that this service gave out.</exception>
    public static ConflictId Parse(string text)
    {
        if (!OpaqueText.TryParse(text, HeaderLength + 2, HeaderLength + KeyspaceLimits.MaxNameLength + KeyLimits.MaxKeyBytes, out var bytes)
            || bytes[0] != Version
            || bytes[HeaderLength - 1] >= bytes.Length - HeaderLength)
            throw BadInput.Of(ErrorCode.ConflictNotFound, $"There is no conflict '{QueryParameters.Shorten(text)}': an id is what GET /v1/conflicts gives.");
        var name = Encoding.UTF8.GetString(bytes.Slice(HeaderLength, bytes[HeaderLength - 1]));
        return KeyspaceName.IsValid(name)
            ? new(name, bytes[(HeaderLength + bytes[HeaderLength - 1])..].ToArray(), ConflictCursor.ReadPosition(bytes[1..]))
            : throw BadInput.Of(ErrorCode.ConflictNotFound, $"There is no conflict '{QueryParameters.Shorten(text)}': an id is what GET /v1/conflicts gives.");
    }
}
