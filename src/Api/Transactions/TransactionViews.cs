using System.ComponentModel;
using System.Text.Json.Serialization;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Api.Transactions;

/// <summary>A transaction that takes reads and writes.</summary>
/// <param name="Id">Its id, 32 hex digits.</param>
/// <param name="ReadTimestamp">Its snapshot.</param>
/// <param name="ExpiresAt">When it is rolled back at the latest, RFC 3339.</param>
public sealed record OpenTransaction(
    string Id,
    [property: Description("Its snapshot. It may move up until the first read was answered.")] string ReadTimestamp,
    [property: Description("When it is rolled back at the latest, RFC 3339.")] string ExpiresAt)
{
    internal static OpenTransaction Of(TransactionBegun begun) =>
        new(begun.Id.ToString(), begun.ReadTimestamp.ToString(), Requests.Rfc3339.Format(begun.ExpiresAt));
}

/// <summary>What is known of a transaction.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Status">How far it is.</param>
/// <param name="CommitTimestamp">When committed.</param>
/// <param name="Reason">When aborted or unknown.</param>
public sealed record TransactionState(
    string Id,
    [property: Description("active, preparing, committed, aborted, or unknown: ask again.")] string Status,
    [property: Description("When committed: the version of every key written; else absent."), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? CommitTimestamp,
    [property: Description("When aborted or unknown: why, for a person; else absent."), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Reason)
{
    internal static TransactionState Of(TransactionView view) => new(
        view.Id.ToString(),
        NameOf(view.Status),
        view.Status == TransactionStatus.Committed ? view.CommitTimestamp.ToString() : null,
        view.Reason);

    private static string NameOf(TransactionStatus status) => status switch
    {
        TransactionStatus.Active => "active",
        TransactionStatus.Preparing => "preparing",
        TransactionStatus.Committed => "committed",
        TransactionStatus.Aborted => "aborted",
        TransactionStatus.Unknown => "unknown",
        _ => throw new ArgumentOutOfRangeException(nameof(status), status, "Not a status."),
    };
}

/// <summary>A transaction that is committed.</summary>
/// <param name="CommitTimestamp">The version of every key written; of a transaction without writes its snapshot.</param>
public sealed record CommittedTransaction(
    [property: Description("The version of every key written; of a transaction without writes its snapshot.")] string CommitTimestamp);
