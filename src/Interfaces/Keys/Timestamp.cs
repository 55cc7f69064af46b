using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace GrainDb.Interfaces.Keys;

/// <summary>
/// A hybrid logical clock value: 48 bits of milliseconds since the Unix epoch, then 16 bits of counter. Versions,
/// snapshots and retention are in timestamps; positions in a log are <see cref="Replicas.Lsn"/> and never mix with them.
/// Written as 16 lower-case hex digits. Source: Kulkarni et al., "Logical Physical Clocks" (2014).
/// </summary>
/// <param name="Value">The 64 bits.</param>
[GenerateSerializer, Immutable, Alias("graindb.timestamp")]
public readonly record struct Timestamp([property: Id(0)] ulong Value) : IComparable<Timestamp>
{
    /// <summary>Bits of the counter.</summary>
    public const int CounterBits = 16;

    /// <summary>Hex digits of its text.</summary>
    public const int Digits = 16;

    /// <summary>Largest millisecond count that fits.</summary>
    public const long MaxMilliseconds = (1L << 48) - 1;

    /// <summary>Before every version; also "none" where a timestamp is optional on the wire.</summary>
    public static readonly Timestamp Zero;

    /// <summary>After every version.</summary>
    public static readonly Timestamp Max = new(ulong.MaxValue);

    /// <summary>The physical part: milliseconds since the Unix epoch.</summary>
    public long Milliseconds => (long)(Value >> CounterBits);

    /// <summary>The logical part.</summary>
    public ushort Counter => (ushort)Value;

    /// <summary>Whether this is <see cref="Zero"/>.</summary>
    public bool IsZero => Value == 0;

    /// <summary>The next larger timestamp; carries into the milliseconds.</summary>
    public Timestamp Next => new(checked(Value + 1));

    /// <summary>The next smaller timestamp; <see cref="Zero"/> stays.</summary>
    public Timestamp Previous => Value == 0 ? this : new(Value - 1);

    /// <summary>Builds a timestamp from its parts.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="milliseconds"/> is outside 48 bits.</exception>
    public static Timestamp FromParts(long milliseconds, ushort counter)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(milliseconds);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(milliseconds, MaxMilliseconds);
        return new(((ulong)milliseconds << CounterBits) | counter);
    }

    /// <summary>The smallest timestamp of the millisecond in which <paramref name="time"/> lies.</summary>
    public static Timestamp FromTime(DateTimeOffset time) => FromParts(time.ToUnixTimeMilliseconds(), 0);

    /// <summary>The physical part as a point in time.</summary>
    public DateTimeOffset ToTime() => DateTimeOffset.FromUnixTimeMilliseconds(Milliseconds);

    /// <summary>This timestamp moved by <paramref name="span"/>, saturating at both ends.</summary>
    public Timestamp Add(TimeSpan span)
    {
        var milliseconds = Math.Clamp(Milliseconds + (long)span.TotalMilliseconds, 0, MaxMilliseconds);
        return FromParts(milliseconds, Counter);
    }

    /// <summary>Reads 16 hex digits.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out Timestamp timestamp)
    {
        var ok = ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) && text!.Length == 16;
        timestamp = ok ? new(value) : Zero;
        return ok;
    }

    /// <summary>The larger of two.</summary>
    public static Timestamp Later(Timestamp left, Timestamp right) => left > right ? left : right;

    /// <inheritdoc/>
    public int CompareTo(Timestamp other) => Value.CompareTo(other.Value);

    /// <summary>16 lower-case hex digits.</summary>
    public override string ToString() => Value.ToString("x16", CultureInfo.InvariantCulture);

    /// <summary>Writes the same in UTF-8, <see cref="Digits"/> bytes.</summary>
    /// <exception cref="ArgumentException"><paramref name="utf8"/> is shorter than that.</exception>
    public void Format(Span<byte> utf8)
    {
        if (!Value.TryFormat(utf8, out _, "x16", CultureInfo.InvariantCulture))
            throw new ArgumentException("Too short for a timestamp.", nameof(utf8));
    }

    /// <summary>Order.</summary>
    public static bool operator <(Timestamp left, Timestamp right) => left.Value < right.Value;

    /// <summary>Order.</summary>
    public static bool operator >(Timestamp left, Timestamp right) => left.Value > right.Value;

    /// <summary>Order.</summary>
    public static bool operator <=(Timestamp left, Timestamp right) => left.Value <= right.Value;

    /// <summary>Order.</summary>
    public static bool operator >=(Timestamp left, Timestamp right) => left.Value >= right.Value;
}
