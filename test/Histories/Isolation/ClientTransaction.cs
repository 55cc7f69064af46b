using System.Globalization;
using System.Text;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Histories.Isolation;

/// <summary>One transaction as its client saw it. A single read or write outside of one is a serializable transaction of one key.</summary>
public sealed record ClientTransaction
{
    /// <summary>Place in the history's order of beginnings.</summary>
    public int Number { get; init; }

    public required string Client { get; init; }

    /// <summary>What was asked for.</summary>
    public required IsolationLevel Isolation { get; init; }

    /// <summary>In their order, each with the answer; of a transaction that got stuck those that were answered, and all its writes.</summary>
    public IReadOnlyList<TransactionStep> Steps { get; init; } = [];

    /// <summary>When it began, in any unit of a clock that all clients share.</summary>
    public required long Invoked { get; init; }

    /// <summary>When its end was acknowledged; a transaction of unknown outcome has none.</summary>
    public long Returned { get; init; } = long.MaxValue;

    /// <summary><see cref="OperationOutcome.Ok"/> when committed, <see cref="OperationOutcome.NotApplied"/> when certainly aborted.</summary>
    public OperationOutcome Outcome { get; init; }

    /// <summary>Of a committed transaction that wrote: the version of all it wrote; zero when nobody said.</summary>
    public Timestamp CommitTimestamp { get; init; }

    /// <summary>Whether it asked for an old snapshot or a stale replica, so that it need not see the newest state.</summary>
    public bool IsStaleRead { get; init; }

    /// <summary>The transaction's name in the database, and who answered, for a person.</summary>
    public string? Note { get; init; }

    public override string ToString()
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"#{Number} {Client}{(Isolation == IsolationLevel.Serializable ? " serializable" : " snapshot")}{(IsStaleRead ? " stale" : "")} {{ ");
        text.AppendJoin("; ", Steps);
        text.Append(Outcome switch
        {
            OperationOutcome.Ok => CommitTimestamp.IsZero ? " } committed" : $" }} committed at {CommitTimestamp}",
            OperationOutcome.Unknown => " } unknown",
            _ => " } aborted",
        });
        text.Append(CultureInfo.InvariantCulture, $" [{Invoked}, {(Returned == long.MaxValue ? "…" : Returned)}]");
        return Note is null ? text.ToString() : text.Append(CultureInfo.InvariantCulture, $" {Note}").ToString();
    }
}
