using GrainDb.Interfaces.Eventual;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// A counter: per actor the sum of all that it added, as of its last increment, and how much of that a deletion has seen. An immutable value.
/// <para>
/// An actor's sums are totally ordered, since one log orders its increments; so the later of two is simply the one with the larger counter, and joining is
/// a maximum per actor: commutative, associative, idempotent. The value is the sum over all actors, less what was deleted.
/// </para>
/// <code>
/// u8 format version, 1 · varint actors
/// each: 16 bytes actor · varint last · i64 sum · varint deleted up to · i64 sum there      ascending by actor
/// </code>
/// </summary>
public sealed class CounterState : IEquatable<CounterState>
{
    /// <summary>Zero.</summary>
    public static readonly CounterState Zero = new([]);

    private const byte Format = 1;
    private const int LeastPartBytes = 34;

    // Ascending by actor.
    private readonly Part[] _parts;

    private CounterState(Part[] parts) => _parts = parts;

    /// <summary>The sum. No <see cref="EventualLimits.MaxActors"/> sums exceed its range.</summary>
    public Int128 Value => _parts.Aggregate(Int128.Zero, (sum, part) => sum + part.Sum - part.DeletedSum);

    /// <summary>Adds.</summary>
    /// <param name="dot">The write: above every dot of its actor.</param>
    /// <param name="by">How much.</param>
    /// <exception cref="OverflowException">The actor's own sum would leave 64 bits.</exception>
    public CounterState Increment(Dot dot, long by)
    {
        var index = Array.FindIndex(_parts, part => part.Actor == dot.Actor);
        if (index >= 0)
        {
            var parts = (Part[])_parts.Clone();
            parts[index] = parts[index] with { Last = dot.Counter, Sum = checked(parts[index].Sum + by) };
            return new(parts);
        }

        // Whatever may still be told of this actor from before the key was forgotten counts as deleted.
        return new(Sorted([.. _parts, new(dot.Actor, dot.Counter, by, dot.Counter - 1, 0)]));
    }

    /// <summary>Deletes what was counted so far. Increments that are not in this state will count from here.</summary>
    public CounterState Reset() => new(Array.ConvertAll(_parts, part => part with { DeletedUpTo = part.Last, DeletedSum = part.Sum }));

    /// <summary>What is counted when both are known.</summary>
    public CounterState Join(CounterState other)
    {
        ArgumentNullException.ThrowIfNull(other);
        var joined = _parts.ToDictionary(part => part.Actor);
        foreach (var theirs in other._parts)
            joined[theirs.Actor] = joined.TryGetValue(theirs.Actor, out var ours) ? ours.Join(theirs) : theirs;
        return new(Sorted([.. joined.Values]));
    }

    /// <summary>The bytes. Equal states have equal bytes.</summary>
    public byte[] Encode()
    {
        var writer = new ByteWriter();
        writer.Byte(Format);
        writer.Varint((ulong)_parts.Length);
        foreach (var part in _parts)
        {
            writer.Guid(part.Actor);
            writer.Varint(part.Last);
            writer.Int64(part.Sum);
            writer.Varint(part.DeletedUpTo);
            writer.Int64(part.DeletedSum);
        }

        return writer.ToArray();
    }

    /// <summary>Reads the bytes.</summary>
    /// <exception cref="InvalidDataException">They are no counter.</exception>
    public static CounterState Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new ByteReader(bytes, "counter");
        reader.Version(Format);
        var parts = new Part[reader.Count(LeastPartBytes)];
        for (var index = 0; index < parts.Length; index++)
        {
            parts[index] = new(reader.Guid(), reader.Varint(), reader.Int64(), reader.Varint(), reader.Int64());
            if (index > 0 && parts[index - 1].Actor.CompareTo(parts[index].Actor) >= 0)
                throw reader.Bad("actors are not ascending");
        }

        reader.End();
        return new(parts);
    }

    /// <inheritdoc/>
    public bool Equals(CounterState? other) => other is not null && _parts.AsSpan().SequenceEqual(other._parts);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as CounterState);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_parts.Length, Value);

    /// <summary>The value.</summary>
    public override string ToString() => Value.ToString();

    private static Part[] Sorted(Part[] parts)
    {
        Array.Sort(parts, static (left, right) => left.Actor.CompareTo(right.Actor));
        return parts;
    }

    /// <param name="Actor">Who counted.</param>
    /// <param name="Last">Its last increment.</param>
    /// <param name="Sum">All that it added up to then.</param>
    /// <param name="DeletedUpTo">The increment up to which a deletion has seen it.</param>
    /// <param name="DeletedSum">The sum there.</param>
    private readonly record struct Part(Guid Actor, ulong Last, long Sum, ulong DeletedUpTo, long DeletedSum)
    {
        public Part Join(Part other)
        {
            var last = Last >= other.Last ? this : other;
            var deleted = DeletedUpTo >= other.DeletedUpTo ? this : other;
            return new(Actor, last.Last, last.Sum, deleted.DeletedUpTo, deleted.DeletedSum);
        }
    }
}
