using System.Globalization;
using System.Text;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Histories;

/// <summary>What a client asked for.</summary>
public enum OperationKind
{
    Read,
    Put,
    Delete,
}

/// <summary>What the client was told.</summary>
public enum OperationOutcome
{
    /// <summary>Nothing, or that nobody knows: it may have happened, may still happen, or never will.</summary>
    Unknown,

    /// <summary>It happened between call and answer.</summary>
    Ok,

    /// <summary>The condition did not hold: nothing was written, and <see cref="Operation.Seen"/> is what was there instead.</summary>
    Mismatch,

    /// <summary>It did not happen and never will.</summary>
    NotApplied,
}

/// <summary>A state of one key, as somebody saw it.</summary>
/// <param name="Value">The value; null when the key was absent, or when only the version was seen.</param>
/// <param name="Version">The version; zero when the key was absent.</param>
public readonly record struct SeenState(string? Value, Timestamp Version)
{
    /// <summary>No such key.</summary>
    public static readonly SeenState Absent;

    public bool IsAbsent => Version.IsZero;

    public override string ToString() => IsAbsent ? "absent" : $"{Value ?? "?"} at {Version}";
}

/// <summary>
/// One operation of one client on one key. Values are unique: no two operations of a history write the same, so that a value that
/// is read tells who wrote it.
/// </summary>
public sealed record Operation
{
    /// <summary>Place in the history's order of calls.</summary>
    public int Number { get; init; }

    public required string Client { get; init; }

    public required string Key { get; init; }

    public required OperationKind Kind { get; init; }

    /// <summary>Of a write.</summary>
    public WriteCondition Condition { get; init; }

    /// <summary>What a put writes.</summary>
    public string? Value { get; init; }

    /// <summary>When it was called, in any unit of a clock that all clients share.</summary>
    public required long Invoked { get; init; }

    /// <summary>When the answer came; an operation of unknown outcome has none, whatever the client was told and when.</summary>
    public long Returned { get; init; } = long.MaxValue;

    public OperationOutcome Outcome { get; init; }

    /// <summary>What a read that is <see cref="OperationOutcome.Ok"/> returned, or the version that a mismatch named.</summary>
    public SeenState Seen { get; init; }

    /// <summary>The commit timestamp of a write that is <see cref="OperationOutcome.Ok"/>.</summary>
    public Timestamp Version { get; init; }

    /// <summary>Of a write that is <see cref="OperationOutcome.Ok"/>: whether a live version was there before; null when nobody said.</summary>
    public bool? Existed { get; init; }

    /// <summary>Of a read: the snapshot that it was answered from; zero when nobody said.</summary>
    public Timestamp ReadAt { get; init; }

    /// <summary>Of a read: whether it asked for a snapshot or a stale replica, so that it need not see the newest state.</summary>
    public bool IsStaleRead { get; init; }

    /// <summary>Who answered, for a person.</summary>
    public string? AnsweredBy { get; init; }

    /// <summary>Whether it changed the key's state when it happened. Deleting what is absent leaves no version.</summary>
    internal bool IsChange => Kind != OperationKind.Read && Outcome != OperationOutcome.Mismatch
        && !(Kind == OperationKind.Delete && Outcome == OperationOutcome.Ok && Existed == false);

    public override string ToString()
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"#{Number} {Client} ");
        text.Append(Kind switch
        {
            OperationKind.Read => IsStaleRead ? $"snapshot read {Key}" : $"read {Key}",
            OperationKind.Put => $"put {Key} := {Value}",
            _ => $"delete {Key}",
        });
        text.Append(Condition.Kind switch
        {
            ConditionKind.None => "",
            ConditionKind.VersionEquals => $" if version {Condition.Version}",
            ConditionKind.Exists => " if it exists",
            _ => " if it is absent",
        });
        text.Append(Outcome switch
        {
            OperationOutcome.Unknown => " → unknown",
            OperationOutcome.NotApplied => " → not applied",
            OperationOutcome.Mismatch => $" → mismatch, {(Seen.IsAbsent ? "absent" : $"version {Seen.Version}")}",
            _ when Kind == OperationKind.Read => $" → {Seen}",
            _ => $" → {Version}",
        });
        if (!ReadAt.IsZero)
            text.Append(CultureInfo.InvariantCulture, $" (snapshot {ReadAt})");
        text.Append(CultureInfo.InvariantCulture, $" [{Invoked}, {(Returned == long.MaxValue ? "…" : Returned)}]");
        return AnsweredBy is null ? text.ToString() : text.Append(CultureInfo.InvariantCulture, $" by {AnsweredBy}").ToString();
    }
}
