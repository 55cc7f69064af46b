using System.ComponentModel;
using System.Text.Json;
using GrainDb.Api.Keys;

namespace GrainDb.Api.Transactions;

// The shapes of the answer that is written token by token, for the OpenAPI document alone.

/// <summary>The answer of a one-request transaction.</summary>
public sealed record TransactResults(
    bool Committed,
    [property: Description("When committed: the version of every key written; without writes the snapshot that was read. Else absent.")] string? CommitTimestamp,
    [property: Description("When not committed: the checks that did not hold, with what they asked. Else absent.")] IReadOnlyList<FailedCheck>? FailedChecks,
    [property: Description("One per read, in order, then, when committed, one per write, in order.")] IReadOnlyList<TransactResultRow> Results);

/// <summary>A check that did not hold.</summary>
public sealed record FailedCheck(
    [property: Description("Its place among the checks, from 0.")] int Index,
    string Keyspace,
    string? Key,
    string? Key64,
    string? Version,
    bool? Exists,
    string? Value,
    JsonElement? Json,
    string? Value64);

/// <summary>Of a read of a key: found, and version, content type and value when it is; of a prefix: items; of a write: version, and of an increment its new value, a number.</summary>
public sealed record TransactResultRow(
    bool? Found,
    string? Version,
    string? ContentType,
    [property: Description("Of a read: the value when its bytes are UTF-8. Of an increment: the new value, a number.")] JsonElement? Value,
    JsonElement? Json,
    string? Value64,
    IReadOnlyList<ScanRow>? Items);
