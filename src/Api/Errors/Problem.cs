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
}
