using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Mvcc;

/// <summary>What is special about a version.</summary>
[Flags]
internal enum VersionFlags : byte
{
    /// <summary>A value that never expires.</summary>
    None = 0,

    /// <summary>The key was deleted.</summary>
    Tombstone = 1,

    /// <summary>The eight bytes before the value hold its expiry.</summary>
    Expires = 2,
}

/// <summary>
/// One version in a <see cref="LeafBlock"/>: 32 bytes without references, so that millions of them cost the runtime's
/// collector nothing. The bytes of key and value are in <see cref="VersionSlabs"/>. Versions of one key that stand side by
/// side share the bytes of their key; sharers are always contiguous, which is how the last one is recognised.
/// </summary>
internal struct VersionEntry
{
    /// <summary>Bytes of an expiry in front of its value.</summary>
    public const int ExpiryBytes = sizeof(ulong);

    public ulong Timestamp;
    public int KeyPage;
    public int KeyOffset;
    public int ValuePage;
    public int ValueOffset;
    public int ValueLength;
    public ushort KeyLength;
    public VersionFlags Flags;

    /// <summary>Whether it says that the key was deleted.</summary>
    public readonly bool IsTombstone => (Flags & VersionFlags.Tombstone) != VersionFlags.None;

    /// <summary>Whether its time to live is bounded.</summary>
    public readonly bool Expires => (Flags & VersionFlags.Expires) != VersionFlags.None;

    /// <summary>Bytes that the value takes in its page.</summary>
    public readonly int StoredValueBytes => Expires ? ValueLength + ExpiryBytes : ValueLength;

    /// <summary>Whether both refer to the same bytes of key.</summary>
    public readonly bool SharesKeyWith(in VersionEntry other) => KeyPage == other.KeyPage && KeyOffset == other.KeyOffset;

    /// <summary>The key's bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly ReadOnlySpan<byte> Key(VersionSlabs slabs) => slabs.Keys.Span(KeyPage, KeyOffset, KeyLength);

    /// <summary>When the version ends; zero for never.</summary>
    public readonly ulong ExpiresAt(VersionSlabs slabs) => Expires
        ? BinaryPrimitives.ReadUInt64LittleEndian(slabs.Values.Span(ValuePage, ValueOffset - ExpiryBytes, ExpiryBytes))
        : 0;

    /// <summary>Whether a reader at <paramref name="at"/> that selected this version finds a value in it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool IsLiveAt(VersionSlabs slabs, ulong at) =>
        Flags == VersionFlags.None || (!IsTombstone && ExpiresAt(slabs) > at);

    /// <summary>The version as callers see it.</summary>
    public readonly MvccVersion ToVersion(VersionSlabs slabs) => new(
        new Timestamp(Timestamp),
        IsTombstone,
        new Timestamp(ExpiresAt(slabs)),
        slabs.Values.Memory(ValuePage, ValueOffset, ValueLength));

    /// <summary>Writes a key into the slabs.</summary>
    public void StoreKey(VersionSlabs slabs, ReadOnlySpan<byte> key)
    {
        key.CopyTo(slabs.Keys.Allocate(key.Length, out KeyPage, out KeyOffset));
        KeyLength = (ushort)key.Length;
    }

    /// <summary>Uses the bytes of a neighbour's equal key.</summary>
    public void ShareKey(in VersionEntry neighbour)
    {
        KeyPage = neighbour.KeyPage;
        KeyOffset = neighbour.KeyOffset;
        KeyLength = neighbour.KeyLength;
    }

    /// <summary>Writes a value, with its expiry if it has one, into the slabs.</summary>
    public void StoreValue(VersionSlabs slabs, ReadOnlySpan<byte> value, ulong expiresAt)
    {
        ValueLength = value.Length;
        if (expiresAt == 0)
        {
            value.CopyTo(slabs.Values.Allocate(value.Length, out ValuePage, out ValueOffset));
            return;
        }

        Flags |= VersionFlags.Expires;
        var destination = slabs.Values.Allocate(value.Length + ExpiryBytes, out ValuePage, out ValueOffset);
        BinaryPrimitives.WriteUInt64LittleEndian(destination, expiresAt);
        value.CopyTo(destination[ExpiryBytes..]);
        ValueOffset += ExpiryBytes;
    }
}
