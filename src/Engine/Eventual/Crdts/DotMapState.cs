using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Eventual;

/// <summary>One write of a field that stands.</summary>
/// <param name="Dot">The write.</param>
/// <param name="Timestamp">When.</param>
/// <param name="Value">What; empty for the element of a set.</param>
public readonly record struct FieldWrite(Dot Dot, Timestamp Timestamp, ReadOnlyMemory<byte> Value)
{
    /// <summary>Whether it wins over another one that is concurrent with it.</summary>
    public bool WinsOver(FieldWrite other) => (Timestamp, Dot).CompareTo((other.Timestamp, other.Dot)) > 0;
}

/// <summary>
/// What sets, maps and registers are made of: names, and of each the writes that stand. A set has elements for names and no values, a register one name, the empty one.
/// An immutable value.
/// <para>
/// A write of a name takes the place of the writes of it that are in this state, a removal takes them away; neither touches what it has not seen, so an addition wins over a
/// removal that is concurrent with it. Joining keeps a write that both have, or that the other one has never seen: commutative, associative, idempotent, without remains of what was removed.
/// Where several writes of a name stand, the reader sees the one with the highest timestamp, and the next write of the name takes the place of all.
/// </para>
/// <para>Source: Bieniusa et al., "An Optimized Conflict-free Replicated Set" (2012).</para>
/// <code>
/// u8 format version, 1 · vector seen · varint names
/// each: varint length, name · varint writes, each: 16 bytes actor · varint counter · u64 timestamp · varint length, value      ascending by name, by dot
/// </code>
/// </summary>
public sealed class DotMapState : IEquatable<DotMapState>
{
    /// <summary>Nothing, nothing seen.</summary>
    public static readonly DotMapState Empty = new(VersionVector.Empty, new SortedList<ReadOnlyMemory<byte>, FieldWrite[]>(ByteOrder.Instance));

    private const byte Format = 1;
    private const int LeastNameBytes = 2;
    private const int LeastWriteBytes = 26;

    private readonly VersionVector _seen;
    private readonly SortedList<ReadOnlyMemory<byte>, FieldWrite[]> _names;

    private DotMapState(VersionVector seen, SortedList<ReadOnlyMemory<byte>, FieldWrite[]> names)
    {
        _seen = seen;
        _names = names;
    }

    /// <summary>The names in order of their bytes.</summary>
    public IEnumerable<ReadOnlyMemory<byte>> Names => _names.Keys;

    /// <summary>Number of names.</summary>
    public int Count => _names.Count;

    /// <summary>The writes of a name that stand, ascending by dot; none when the name is not there.</summary>
    public IReadOnlyList<FieldWrite> WritesOf(ReadOnlyMemory<byte> name) => _names.TryGetValue(name, out var writes) ? writes : [];

    /// <summary>Whether a write of a name stands.</summary>
    public bool Has(ReadOnlyMemory<byte> name, Dot dot) => WritesOf(name).Any(write => write.Dot == dot);

    /// <summary>The write of a name that a reader sees; null when the name is not there.</summary>
    public FieldWrite? WinnerOf(ReadOnlyMemory<byte> name) =>
        _names.TryGetValue(name, out var writes) ? writes.Aggregate((best, next) => next.WinsOver(best) ? next : best) : null;

    /// <summary>Writes names.</summary>
    /// <param name="write">Dot, above every one that was seen of its actor, and timestamp.</param>
    /// <param name="fields">Names, and their values; of a name that is there twice the last one counts.</param>
    public DotMapState Set(FieldWrite write, IEnumerable<CrdtField> fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        var names = Copy(_names);
        foreach (var field in fields)
            names[field.Name] = [write with { Value = field.Value }];
        return new(_seen.With(write.Dot), names);
    }

    /// <summary>Removes names.</summary>
    /// <param name="dot">The write.</param>
    /// <param name="fields">The names; those that are not there do not matter.</param>
    /// <param name="seen">What the caller had read: nothing else is removed. Null for everything that is here.</param>
    public DotMapState Remove(Dot dot, IEnumerable<CrdtField> fields, VersionVector? seen)
    {
        ArgumentNullException.ThrowIfNull(fields);
        var names = Copy(_names);
        foreach (var field in fields)
        {
            if (!names.TryGetValue(field.Name, out var writes))
                continue;
            var rest = seen is null ? [] : Array.FindAll(writes, write => !seen.Covers(write.Dot));
            if (rest.Length == 0)
                names.Remove(field.Name);
            else
                names[field.Name] = rest;
        }

        return new(_seen.With(dot), names);
    }

    /// <summary>Removes all names.</summary>
    /// <param name="dot">The write.</param>
    /// <param name="seen">What the caller had read: nothing else is removed. Null for everything that is here.</param>
    public DotMapState Clear(Dot dot, VersionVector? seen) => Remove(dot, [.. _names.Keys.Select(name => new CrdtField(name, default))], seen);

    /// <summary>A deliberate error: the names without what was seen beside them, so that whatever was removed is taken for new when it is heard of again.</summary>
    internal DotMapState WithoutMemory(Dot dot) => new(VersionVector.Of([.. _names.Values.SelectMany(writes => writes).Select(write => write.Dot), dot]), _names);

    /// <summary>What stands when both are known.</summary>
    public DotMapState Join(DotMapState other)
    {
        ArgumentNullException.ThrowIfNull(other);
        var names = new SortedList<ReadOnlyMemory<byte>, FieldWrite[]>(ByteOrder.Instance);
        foreach (var name in _names.Keys.Concat(other._names.Keys))
        {
            if (names.ContainsKey(name))
                continue;
            var (ours, theirs) = (WritesOf(name), other.WritesOf(name));
            FieldWrite[] standing =
            [
                .. ours.Where(write => !other._seen.Covers(write.Dot) || theirs.Any(their => their.Dot == write.Dot)),
                .. theirs.Where(write => !_seen.Covers(write.Dot)),
            ];
            if (standing.Length == 0)
                continue;
            Array.Sort(standing, static (left, right) => left.Dot.CompareTo(right.Dot));
            names.Add(name, standing);
        }

        return new(_seen.Join(other._seen), names);
    }

    /// <summary>The bytes. Equal states have equal bytes.</summary>
    public byte[] Encode()
    {
        var writer = new ByteWriter();
        writer.Byte(Format);
        VersionVectorCodec.Write(writer, _seen);
        writer.Varint((ulong)_names.Count);
        foreach (var (name, writes) in _names)
        {
            writer.Bytes(name.Span);
            writer.Varint((ulong)writes.Length);
            foreach (var write in writes)
            {
                writer.Guid(write.Dot.Actor);
                writer.Varint(write.Dot.Counter);
                writer.UInt64(write.Timestamp.Value);
                writer.Bytes(write.Value.Span);
            }
        }

        return writer.ToArray();
    }

    /// <summary>Reads the bytes, whose memory it shares.</summary>
    /// <exception cref="InvalidDataException">They are no such state.</exception>
    public static DotMapState Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new ByteReader(bytes, "set, map or register");
        reader.Version(Format);
        var seen = VersionVectorCodec.Read(ref reader);
        var count = reader.Count(LeastNameBytes);
        var names = new SortedList<ReadOnlyMemory<byte>, FieldWrite[]>(count, ByteOrder.Instance);
        for (var index = 0; index < count; index++)
        {
            var name = reader.Bytes();
            if (index > 0 && ByteOrder.Instance.Compare(names.Keys[^1], name) >= 0)
                throw reader.Bad("names are not ascending");
            names.Add(name, ReadWrites(ref reader, seen));
        }

        reader.End();
        return new(seen, names);
    }

    /// <inheritdoc/>
    public bool Equals(DotMapState? other) => other is not null && Encode().AsSpan().SequenceEqual(other.Encode());

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as DotMapState);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_seen, _names.Count);

    private static FieldWrite[] ReadWrites(ref ByteReader reader, VersionVector seen)
    {
        var writes = new FieldWrite[reader.Count(LeastWriteBytes)];
        for (var index = 0; index < writes.Length; index++)
        {
            writes[index] = new(new Dot(reader.Guid(), reader.Varint()), new Timestamp(reader.UInt64()), reader.Bytes());
            if (!seen.Covers(writes[index].Dot) || (index > 0 && writes[index - 1].Dot >= writes[index].Dot))
                throw reader.Bad("writes are not ascending, or were never seen");
        }

        return writes.Length > 0 ? writes : throw reader.Bad("a name has no write");
    }

    private static SortedList<ReadOnlyMemory<byte>, FieldWrite[]> Copy(SortedList<ReadOnlyMemory<byte>, FieldWrite[]> names) => new(names, ByteOrder.Instance);
}
