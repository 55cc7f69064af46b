using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>A record of transactions that a leader has enqueued: what it applies when it is committed, and how it finds it until then.</summary>
/// <param name="Type">Prepare, resolve or commit.</param>
/// <param name="Payload">The record's.</param>
/// <param name="Transaction">Of a prepare or commit; none where there is none.</param>
internal sealed record TransactionalRecord(byte Type, byte[] Payload, TransactionId Transaction)
{
    /// <summary>Of a commit: the idempotency key under which its result is stored.</summary>
    public string? StampKey { get; init; }

    /// <summary>Of a commit: whether it is decided for other ranges too.</summary>
    public bool IsForOthers { get; init; }

    /// <summary>Of a resolve: the decisions.</summary>
    public Resolution[] Resolutions { get; init; } = [];
}
