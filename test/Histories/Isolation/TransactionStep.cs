using System.Globalization;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Histories.Isolation;

/// <summary>What one step of a transaction does.</summary>
public enum StepKind
{
    /// <summary>Puts an element at the end of a list.</summary>
    Append,

    /// <summary>Reads a whole list.</summary>
    ReadList,

    /// <summary>Replaces a register's value.</summary>
    Write,

    /// <summary>Reads a register.</summary>
    ReadValue,
}

/// <summary>
/// One step of a transaction, with its answer. Elements and values are unique per key in a history, so that whoever sees one knows who wrote it.
/// </summary>
public sealed record TransactionStep
{
    private TransactionStep(StepKind kind, string key)
    {
        Kind = kind;
        Key = key;
    }

    public StepKind Kind { get; }

    public string Key { get; }

    /// <summary>What is appended, written or read; null for a register that is absent.</summary>
    public long? Element { get; private init; }

    /// <summary>The list that was read; empty when the key was absent.</summary>
    public IReadOnlyList<long> List { get; private init; } = [];

    /// <summary>Of a register that was read: its version; zero when it is absent.</summary>
    public Timestamp Version { get; private init; }

    /// <summary>Whether the key was found, or missed, by scanning an interval: what it conflicts with then is a predicate rather than an item.</summary>
    public bool IsScan { get; private init; }

    public static TransactionStep Append(string key, long element) => new(StepKind.Append, key) { Element = element };

    public static TransactionStep ReadList(string key, IReadOnlyList<long> list, bool isScan = false) => new(StepKind.ReadList, key) { List = list, IsScan = isScan };

    public static TransactionStep Write(string key, long value) => new(StepKind.Write, key) { Element = value };

    public static TransactionStep ReadValue(string key, long? value, Timestamp version, bool isScan = false) =>
        new(StepKind.ReadValue, key) { Element = value, Version = version, IsScan = isScan };

    public override string ToString() => Kind switch
    {
        StepKind.Append => string.Create(CultureInfo.InvariantCulture, $"append {Key} {Element}"),
        StepKind.ReadList => $"{(IsScan ? "scan" : "read")} {Key} → [{string.Join(' ', List)}]",
        StepKind.Write => string.Create(CultureInfo.InvariantCulture, $"{Key} := {Element}"),
        _ => $"{(IsScan ? "scan" : "read")} {Key} → {(Element is { } value ? $"{value} at {Version}" : "absent")}",
    };
}
