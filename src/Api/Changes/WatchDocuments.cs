using System.ComponentModel;
using System.Text.Json;

namespace GrainDb.Api.Changes;

// The shapes of the answers that are written token by token, for the OpenAPI document alone.

/// <summary>What a long poll gives: the next changes in order, none when there were none in time.</summary>
public sealed record WatchPage(
    IReadOnlyList<WatchRow> Events,
    [property: Description("Behind the last event: give it back as ?from=.")] string Cursor,
    [property: Description("The feed is complete up to it: no version at or below it can appear any more.")] string ResolvedTimestamp);

/// <summary>One change: key or key64, and, unless it is a deletion, one of value, json, value64.</summary>
public sealed record WatchRow(
    [property: Description("put or delete.")] string Event,
    [property: Description("Behind this event. The same event always has the same.")] string Cursor,
    string Keyspace,
    string? Key,
    string? Key64,
    string Version,
    [property: Description("The live version that it replaced; absent when the key did not exist.")] string? Prev,
    [property: Description("The transaction that wrote it, if any.")] string? TxnId,
    [property: Description("When its time to live ends, RFC 3339. Nothing tells when that happens.")] string? ExpiresAt,
    string? ContentType,
    string? Value,
    JsonElement? Json,
    string? Value64);
