using System.ComponentModel;

namespace GrainDb.Api.Transactions;

/// <summary>The body of <c>POST /v1/txn</c>.</summary>
public sealed record TransactionBody
{
    [Description("snapshot or serializable; by default the strictest defaultIsolation of the keyspaces that it touches, known at its commit.")]
    public string? Isolation { get; init; }

    [Description("Takes no writes and never conflicts; false by default.")]
    public bool ReadOnly { get; init; }

    [Description("With readOnly: the snapshot to read, a timestamp or an RFC 3339 time. By default now.")]
    public string? AsOf { get; init; }

    [Description("How long it may live: 1s to 60s, 30s by default. It is rolled back earlier when nothing is asked of it for 15s.")]
    public string? Timeout { get; init; }
}

/// <summary>The body of routes that need none: an empty object, or nothing at all.</summary>
public sealed record EmptyBody;
