using GrainDb.Interfaces.Eventual;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// A set of dots of one key, as the largest counter per actor: the actor's dots up to it. That is no loss because a replica that mints a dot knows all
/// that it minted before, and replicas send nothing but whole states. An immutable value.
/// </summary>
public sealed class VersionVector : IEquatable<VersionVector>
{
    /// <summary>No dot.</summary>
    public static readonly VersionVector Empty = new([]);

    // Ascending by actor, counters above zero.
    private readonly Dot[] _entries;

    private VersionVector(Dot[] entries) => _entries = entries;

    /// <summary>Number of actors.</summary>
    public int Count => _entries.Length;

    /// <summary>The largest dot of every actor, ascending.</summary>
    public IReadOnlyList<Dot> Entries => _entries;

    /// <summary>The vector of these dots.</summary>
    public static VersionVector Of(params IEnumerable<Dot> dots)
    {
        ArgumentNullException.ThrowIfNull(dots);
        var vector = Empty;
        foreach (var dot in dots)
            vector = vector.With(dot);
        return vector;
    }

    /// <summary>The actor's largest counter; 0 when it has none.</summary>
    public ulong this[Guid actor]
    {
        get
        {
            var index = IndexOf(actor);
            return index >= 0 ? _entries[index].Counter : 0;
        }
    }

    /// <summary>Whether the dot is in it.</summary>
    public bool Covers(Dot dot) => dot.Counter <= this[dot.Actor];

    /// <summary>Whether everything in the other one is in this one.</summary>
    public bool Covers(VersionVector other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Array.TrueForAll(other._entries, Covers);
    }

    /// <summary>With one dot more, and those of its actor before it.</summary>
    public VersionVector With(Dot dot)
    {
        if (dot.Counter == 0)
            throw new ArgumentException("counters begin at 1", nameof(dot));
        var index = IndexOf(dot.Actor);
        if (index >= 0)
        {
            if (_entries[index].Counter >= dot.Counter)
                return this;
            var raised = (Dot[])_entries.Clone();
            raised[index] = dot;
            return new(raised);
        }

        return new([.. _entries[..~index], dot, .. _entries[~index..]]);
    }

    /// <summary>Everything in either.</summary>
    public VersionVector Join(VersionVector other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (Covers(other))
            return this;
        if (other.Covers(this))
            return other;
        var joined = new List<Dot>(_entries.Length + other._entries.Length);
        var (left, right) = (0, 0);
        while (left < _entries.Length || right < other._entries.Length)
        {
            var order = left == _entries.Length ? 1
                : right == other._entries.Length ? -1
                : _entries[left].Actor.CompareTo(other._entries[right].Actor);
            if (order < 0)
                joined.Add(_entries[left++]);
            else if (order > 0)
                joined.Add(other._entries[right++]);
            else
                joined.Add(_entries[left].Counter >= other._entries[right].Counter ? _entries[left] : other._entries[right]);
            if (order == 0)
                (left, right) = (left + 1, right + 1);
        }

        return new([.. joined]);
    }

    /// <inheritdoc/>
    public bool Equals(VersionVector? other) => other is not null && _entries.AsSpan().SequenceEqual(other._entries);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as VersionVector);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var entry in _entries)
            hash.Add(entry);
        return hash.ToHashCode();
    }

    /// <summary>The entries.</summary>
    public override string ToString() => $"{{{string.Join(", ", _entries)}}}";

    private int IndexOf(Guid actor)
    {
        var (low, high) = (0, _entries.Length - 1);
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            var order = _entries[middle].Actor.CompareTo(actor);
            if (order == 0)
                return middle;
            (low, high) = order < 0 ? (middle + 1, high) : (low, middle - 1);
        }

        return ~low;
    }
}
