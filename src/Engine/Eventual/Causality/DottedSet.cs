using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// The state of one eventual key: a dotted version vector set. Its context names every write that it has seen; its siblings are those of them that no
/// other write has taken the place of. An immutable value.
/// <para>
/// What holds: the context covers the dot of every sibling, and siblings are ascending by dot. <see cref="Merge"/> is commutative,
/// associative and idempotent, so replicas that have seen the same writes are equal, whatever the order and however often. A write that the context
/// covers and that is no sibling has been superseded, for good.
/// </para>
/// <para>
/// Source: Almeida, Baquero, Gonçalves, Preguiça, Fonte, "Scalable and Accurate Causality Tracking for Eventually Consistent Stores" (2014). Theirs keeps per
/// actor a list whose positions are the counters; here every sibling carries its counter, so that counters may leave gaps (they are LSNs) and any sibling can be dropped for itself.
/// </para>
/// </summary>
public sealed class DottedSet : IEquatable<DottedSet>
{
    /// <summary>A key that nobody ever wrote.</summary>
    public static readonly DottedSet Empty = new(VersionVector.Empty, []);

    private readonly Sibling[] _siblings;

    private DottedSet(VersionVector context, Sibling[] siblings)
    {
        Context = context;
        _siblings = siblings;
    }

    /// <summary>Every write that it has seen.</summary>
    public VersionVector Context { get; }

    /// <summary>The values that stand, ascending by dot.</summary>
    public IReadOnlyList<Sibling> Siblings => _siblings;

    /// <summary>Whether nothing was ever written.</summary>
    public bool IsEmpty => Context.Count == 0;

    /// <summary>The largest timestamp of a sibling; zero when there is none.</summary>
    public Timestamp NewestTimestamp => _siblings.Aggregate(Timestamp.Zero, (newest, sibling) => Timestamp.Later(newest, sibling.Timestamp));

    /// <summary>Bytes of all values.</summary>
    public long StoredBytes => _siblings.Sum(sibling => (long)sibling.Stored.Length);

    /// <summary>Puts a state together again.</summary>
    /// <exception cref="InvalidDataException">The siblings are not ascending, or the context does not cover one.</exception>
    public static DottedSet Of(VersionVector context, params Sibling[] siblings)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(siblings);
        for (var index = 0; index < siblings.Length; index++)
        {
            if (!context.Covers(siblings[index].Dot) || (index > 0 && siblings[index - 1].Dot >= siblings[index].Dot))
                throw new InvalidDataException($"sibling {siblings[index].Dot} does not belong into context {context}");
        }

        return new(context, siblings);
    }

    /// <summary>Whether merging the other one in would change nothing.</summary>
    public bool Covers(DottedSet other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Context.Covers(other.Context) && Array.TrueForAll(_siblings, sibling => other.Has(sibling.Dot) || !other.Context.Covers(sibling.Dot));
    }

    /// <summary>What is known when both are known. A sibling stays when the other one has it too, or has never seen it.</summary>
    public DottedSet Merge(DottedSet other)
    {
        ArgumentNullException.ThrowIfNull(other);
        var merged = new List<Sibling>(_siblings.Length + other._siblings.Length);
        var (left, right) = (0, 0);
        while (left < _siblings.Length || right < other._siblings.Length)
        {
            var order = left == _siblings.Length ? 1
                : right == other._siblings.Length ? -1
                : _siblings[left].Dot.CompareTo(other._siblings[right].Dot);
            if (order == 0)
            {
                merged.Add(_siblings[left++]);
                right++;
            }
            else if (order < 0)
            {
                Keep(_siblings[left++], other.Context);
            }
            else
            {
                Keep(other._siblings[right++], Context);
            }
        }

        return new(Context.Join(other.Context), [.. merged]);

        void Keep(Sibling sibling, VersionVector seen)
        {
            if (!seen.Covers(sibling.Dot))
                merged.Add(sibling);
        }
    }

    /// <summary>A write: everything that its context saw is superseded, everything else stays beside it.</summary>
    /// <param name="seen">What the writer had read.</param>
    /// <param name="sibling">The new value, with a dot of its own that is above all of its actor's.</param>
    /// <exception cref="InvalidOperationException">The dot was minted before.</exception>
    public DottedSet Write(VersionVector seen, Sibling sibling)
    {
        ArgumentNullException.ThrowIfNull(seen);
        ArgumentNullException.ThrowIfNull(sibling);
        var known = Context.Join(seen);
        if (known.Covers(sibling.Dot))
            throw new InvalidOperationException($"dot {sibling.Dot} was minted before: {known}");
        Sibling[] standing = [.. _siblings.Where(present => !seen.Covers(present.Dot)), sibling];
        Array.Sort(standing, static (left, right) => left.Dot.CompareTo(right.Dot));
        return new(known.With(sibling.Dot), standing);
    }

    /// <summary>The same knowledge with fewer values: those that are left out count as superseded.</summary>
    public DottedSet Keep(Predicate<Sibling> stays) => new(Context, Array.FindAll(_siblings, stays));

    /// <inheritdoc/>
    public bool Equals(DottedSet? other) => other is not null && Context.Equals(other.Context) && _siblings.AsSpan().SequenceEqual(other._siblings);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as DottedSet);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Context, _siblings.Length);

    /// <summary>Context and siblings.</summary>
    public override string ToString() => $"{Context} [{string.Join<Sibling>(", ", _siblings)}]";

    private bool Has(Dot dot) => Array.Exists(_siblings, sibling => sibling.Dot == dot);
}
