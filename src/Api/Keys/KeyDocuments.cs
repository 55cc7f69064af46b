using System.ComponentModel;
using System.Text.Json;

namespace GrainDb.Api.Keys;

// The shapes of the answers that are written token by token, for the OpenAPI document alone.

/// <summary>One page of a scan.</summary>
public sealed record ScanPage(
    IReadOnlyList<ScanRow> Items,
    [property: Description("Continues the scan when given back as ?cursor= with the same query; absent when the scan is complete.")] string? Cursor,
    [property: Description("The snapshot of every page.")] string ReadTimestamp);

/// <summary>One row: key or key64, and, unless keysOnly, one of value, json, value64. Without a version when the scanning transaction wrote it itself.</summary>
public sealed record ScanRow(
    string? Key,
    string? Key64,
    [property: Description("The value when its bytes are UTF-8.")] string? Value,
    [property: Description("The value when its content type is JSON and it parses.")] JsonElement? Json,
    [property: Description("The value as base64url otherwise.")] string? Value64,
    string? Version,
    string ContentType);

/// <summary>The retained versions of a key, newest first.</summary>
public sealed record KeyHistory(IReadOnlyList<HistoryRow> Versions, string GcThreshold);

/// <summary>One version; without value and content type when it is a deletion.</summary>
public sealed record HistoryRow(
    string Version,
    [property: Description("When it was committed, RFC 3339.")] string Time,
    bool Deleted,
    string? ContentType,
    string? Value,
    JsonElement? Json,
    string? Value64,
    [property: Description("When its time to live ends, RFC 3339.")] string? ExpiresAt);

/// <summary>The concurrent values of a key of an eventual keyspace, and what a writer gives back who has decided between them.</summary>
public sealed record Siblings([property: System.Text.Json.Serialization.JsonPropertyName("siblings")] IReadOnlyList<SiblingRow> Values, string Context);

/// <summary>One of several concurrent values.</summary>
public sealed record SiblingRow(
    string? Value,
    JsonElement? Json,
    string? Value64,
    string ContentType,
    string Version,
    [property: Description("The name of the write that left it.")] string Dot);

/// <summary>One result per operation, in order.</summary>
public sealed record BatchResults(IReadOnlyList<BatchResultRow> Results);

/// <summary>A result: the status of the single request, and its version and value, or its error.</summary>
public sealed record BatchResultRow(
    int Status,
    string? Version,
    [property: Description("true: a repeated write, and this is its original result. Else absent.")] bool? Replay,
    string? ContentType,
    string? Value,
    JsonElement? Json,
    string? Value64,
    [property: Description("Status 300: the concurrent values of a key of an eventual keyspace.")] IReadOnlyList<SiblingRow>? Siblings,
    [property: Description("Of an eventual keyspace: what has been seen of the key now.")] string? Context,
    string? Code,
    string? Outcome,
    string? Detail,
    bool? Retryable,
    string? CurrentVersion,
    string? GcThreshold);
