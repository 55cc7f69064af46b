using System.Text;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>What may be written, and what conditions and checks mean.</summary>
internal static class WriteRules
{
    public static Failure? CheckKey(ReadOnlyMemory<byte> key) => key.Length switch
    {
        0 => Failure.NotApplied(ErrorCode.InvalidKey, "the key is empty"),
        > KeyLimits.MaxKeyBytes => Failure.NotApplied(ErrorCode.KeyTooLarge, $"the key has {key.Length} bytes, the limit is {KeyLimits.MaxKeyBytes}"),
        _ => null,
    };

    public static Failure? Check(string keyspace, KeyWrite write, CoordinatorContext context)
    {
        if (CheckKey(write.Key) is { } invalid)
            return invalid;
        if (!context.MayWriteSystem && keyspace.StartsWith("system.", StringComparison.Ordinal))
            return Failure.NotApplied(ErrorCode.Forbidden, $"keyspace {keyspace} is read-only to clients");
        if (write.Value.Length > context.MaxValueBytes)
            return Failure.NotApplied(ErrorCode.ValueTooLarge, $"the value has {write.Value.Length} bytes, the limit is {context.MaxValueBytes}");
        return write.ContentType.Length > KeyLimits.MaxContentTypeBytes || !Ascii.IsValid(write.ContentType)
            ? Failure.NotApplied(ErrorCode.InvalidRequest, $"the content type must be ASCII of at most {KeyLimits.MaxContentTypeBytes} characters")
            : null;
    }

    /// <summary>Whether a condition holds of what was read.</summary>
    public static bool Holds(WriteCondition condition, ReadResult read) => condition.Kind switch
    {
        ConditionKind.None => true,
        ConditionKind.VersionEquals => read.Found && !read.Version.IsZero && read.Version == condition.Version,
        ConditionKind.Exists => read.Found,
        ConditionKind.NotExists => !read.Found,
        _ => throw new ArgumentOutOfRangeException(nameof(condition), condition.Kind, "unknown condition"),
    };

    /// <summary>Whether a check holds of what was read.</summary>
    public static bool Holds(TransactCheck check, ReadResult read) =>
        Holds(check, ToItem(check.Key, read));

    /// <summary>What was read, as what is there; null for nothing.</summary>
    public static ScanItem? ToItem(ReadOnlyMemory<byte> key, ReadResult read) => read.Found ? new ScanItem(key, read.Version, read.ContentType, read.Value) : null;

    /// <summary>Whether a check holds of what is there; null for nothing.</summary>
    public static bool Holds(TransactCheck check, ScanItem? found) => check.Kind switch
    {
        CheckKind.VersionEquals => found?.Version == check.Version,
        CheckKind.Exists => found is not null,
        CheckKind.NotExists => found is null,
        CheckKind.ValueEquals => found is { } item && item.Value.Span.SequenceEqual(check.Value.Span),
        CheckKind.AtLeast => Increment.Read(found?.Value) >= check.Bound,
        CheckKind.AtMost => Increment.Read(found?.Value) <= check.Bound,
        _ => throw new ArgumentOutOfRangeException(nameof(check), check.Kind, "unknown check"),
    };
}
