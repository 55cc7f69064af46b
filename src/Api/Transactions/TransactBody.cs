using System.ComponentModel;
using System.Text.Json;
using GrainDb.Api.Keys;

namespace GrainDb.Api.Transactions;

/// <summary>The body of <c>POST /v1/transact</c>.</summary>
public sealed record TransactBody
{
    [Description("snapshot or serializable; by default the strictest defaultIsolation of the keyspaces that it touches. Checks and increments hold at the commit under both.")]
    public string? Isolation { get; init; }

    [Description("All must hold, or nothing is written. Checks and reads together ask for at most 10000 rows.")]
    public List<TransactCheckBody?>? Checks { get; init; }

    [Description("What to read, of the state before the writes.")]
    public List<TransactReadBody?>? Reads { get; init; }

    [Description("Up to 10000 writes of distinct keys, 16 MiB of keys and values, each with exactly one of put, delete, increment.")]
    public List<TransactWriteBody?>? Writes { get; init; }

    [Description("Read this snapshot, a timestamp or an RFC 3339 time. Excludes writes.")]
    public string? AsOf { get; init; }
}

/// <summary>A check: exactly one of version, exists, value, json, value64, atLeast, atMost.</summary>
public sealed record TransactCheckBody : KeyOperand
{
    [Description("It exists with this version.")]
    public string? Version { get; init; }

    [Description("Whether it exists.")]
    public bool? Exists { get; init; }

    [Description("It exists with this value, byte for byte; as text.")]
    public string? Value { get; init; }

    [Description("The same as JSON, byte for byte as it is written here.")]
    public JsonElement Json { get; init; }

    [Description("The same as base64 or base64url.")]
    public string? Value64 { get; init; }

    [Description("Its integer, kept as increments keep it and 0 when the key is absent, is at least this. Anything that is no integer fails.")]
    public long? AtLeast { get; init; }

    [Description("Its integer is at most this.")]
    public long? AtMost { get; init; }
}

/// <summary>A read: of a key, or of the first keys with a prefix.</summary>
public sealed record TransactReadBody : KeyOperand
{
    [Description("Keys that begin with this text, in the keyspace's order; instead of key. Empty: every key.")]
    public string? Prefix { get; init; }

    [Description("The same as base64url.")]
    public string? Prefix64 { get; init; }

    [Description("With prefix: most rows, 1 to 10000; 100 by default.")]
    public int? Limit { get; init; }
}

/// <summary>A write: exactly one member.</summary>
public sealed record TransactWriteBody
{
    public TransactPut? Put { get; init; }

    public TransactDelete? Delete { get; init; }

    public TransactIncrement? Increment { get; init; }
}

/// <summary>Stores a value.</summary>
public sealed record TransactPut : PutOperand;

/// <summary>Deletes a key; succeeds also when it is absent.</summary>
public sealed record TransactDelete : KeyOperand;

/// <summary>Adds to an integer of 64 bits that is kept as UTF-8 decimal text; an absent key counts as 0. The media type stays what it is.</summary>
public sealed record TransactIncrement : KeyOperand
{
    [Description("What to add, 1 by default; may be negative.")]
    public long? By { get; init; }
}
