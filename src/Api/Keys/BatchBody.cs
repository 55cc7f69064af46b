using System.ComponentModel;

namespace GrainDb.Api.Keys;

/// <summary>The body of <c>POST /v1/batch</c>.</summary>
public sealed record BatchBody
{
    [Description("1 to 1000 operations, each with exactly one of put, get, delete. Operations on the same key run in order, others in parallel; the batch is not atomic.")]
    public List<BatchOperation?>? Ops { get; init; }
}

/// <summary>One operation: exactly one member.</summary>
public sealed record BatchOperation
{
    public BatchPut? Put { get; init; }

    public BatchGet? Get { get; init; }

    public BatchDelete? Delete { get; init; }
}

/// <summary>Stores a value.</summary>
public sealed record BatchPut : PutOperand
{
    [Description("A version, or * (must exist).")]
    public string? IfMatch { get; init; }

    [Description("* (must not exist).")]
    public string? IfNoneMatch { get; init; }

    [Description("Of an eventual keyspace: what the writer has seen, as an answer gave it.")]
    public string? Context { get; init; }
}

/// <summary>Reads a value.</summary>
public sealed record BatchGet : KeyOperand
{
    [Description("A timestamp or an RFC 3339 time.")]
    public string? AsOf { get; init; }
}

/// <summary>Deletes a key.</summary>
public sealed record BatchDelete : KeyOperand
{
    [Description("A version, or * (must exist).")]
    public string? IfMatch { get; init; }

    [Description("Of an eventual keyspace: what the writer has seen, as an answer gave it.")]
    public string? Context { get; init; }
}
