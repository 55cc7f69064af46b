using System.ComponentModel;

namespace GrainDb.Api.Errors;

/// <summary>
/// The shape of every error body, RFC 9457 <c>application/problem+json</c>. It describes what <see cref="ProblemMapper"/>
/// writes, for the OpenAPI document and for clients.
/// </summary>
public sealed record Problem
{
    [Description("/problems/{code}; a GET there explains the code.")]
    public required string Type { get; init; }

    public required string Title { get; init; }

    public required int Status { get; init; }

    [Description("What was wrong here, with the value and the bound where there is one.")]
    public required string Detail { get; init; }

    public required string Code { get; init; }

    [Description("notApplied: it certainly did not happen and never will. unknown: it may have. applied: it happened.")]
    public required string Outcome { get; init; }

    [Description("Whether the same request may succeed later without being changed.")]
    public required bool Retryable { get; init; }

    public required string TraceId { get; init; }

    [Description("With version_mismatch: the version that is there; null when the key does not exist.")]
    public string? CurrentVersion { get; init; }

    [Description("With snapshot_too_old: nothing below it can be read.")]
    public string? GcThreshold { get; init; }

    [Description("With txn_conflict: where the transactions met, the first 100 keys. With not_an_integer: which value is none.")]
    public IReadOnlyList<ProblemKey>? Keys { get; init; }

    [Description("With outcome_unknown: the transaction, to be asked for at GET /v1/txn/{id}; absent when there is none.")]
    public string? TxnId { get; init; }
}

/// <summary>A key in a problem document.</summary>
public sealed record ProblemKey
{
    public required string Keyspace { get; init; }

    [Description("The key when its bytes are UTF-8.")]
    public string? Key { get; init; }

    [Description("The key as base64url otherwise.")]
    public string? Key64 { get; init; }
}
