using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// What a leader has enqueued of transactions and not applied yet: evaluation must look at it beside the <see cref="TransactionState"/>. Taken back as a whole when the log
/// refuses what is pending. The owner synchronizes.
/// </summary>
internal sealed class TransactionsAhead
{
    private readonly Dictionary<TransactionId, Proposal> _prepares = [];
    private readonly Dictionary<TransactionId, Proposal> _resolves = [];
    private readonly Dictionary<TransactionId, Proposal> _commits = [];
    private readonly Dictionary<string, (CommitCodec.Head Head, Proposal Proposal)> _stamps = [];

    /// <summary>Intents and locks that stand as soon as they are applied. Those that a pending decision will take away still stand in the state.</summary>
    public IntentTable Prepared { get; } = new();

    /// <summary>The pending prepare of a transaction.</summary>
    public Proposal? FindPrepare(TransactionId id) => _prepares.GetValueOrDefault(id);

    /// <summary>The pending decision on a transaction.</summary>
    public Proposal? FindResolve(TransactionId id) => _resolves.GetValueOrDefault(id);

    /// <summary>The pending commit of a transaction that is decided here.</summary>
    public Proposal? FindCommit(TransactionId id) => _commits.GetValueOrDefault(id);

    /// <summary>Pending commits that are decided for others too.</summary>
    public int Unsettled { get; private set; }

    /// <summary>The pending commit under an idempotency key.</summary>
    public (CommitCodec.Head Head, Proposal Proposal)? FindStamp(string key) => _stamps.TryGetValue(key, out var found) ? found : null;

    public void AddPrepare(PreparedTransaction transaction, Proposal proposal)
    {
        Prepared.Add(transaction);
        _prepares.Add(transaction.Id, proposal);
    }

    public void AddCommit(CommitCodec.Head head, Proposal proposal)
    {
        if (!head.Transaction.IsNone)
            _commits.Add(head.Transaction, proposal);
        if (head.Stamp is { } stamp)
            _stamps.Add(stamp.Key, (head, proposal));
        if (head.Others.Length > 0)
            Unsettled++;
    }

    public void AddResolve(IEnumerable<Resolution> resolutions, Proposal proposal)
    {
        foreach (var resolution in resolutions)
            _resolves[resolution.Transaction] = proposal;
    }

    /// <summary>A proposal was applied.</summary>
    public void Applied(TransactionalRecord record)
    {
        switch (record.Type)
        {
            case RangeRecordType.Prepare:
                Prepared.Remove(record.Transaction);
                _prepares.Remove(record.Transaction);
                break;
            case RangeRecordType.Commit:
                _commits.Remove(record.Transaction);
                if (record.StampKey is { } key)
                    _stamps.Remove(key);
                if (record.IsForOthers)
                    Unsettled--;
                break;
            default:
                foreach (var resolution in record.Resolutions)
                    _resolves.Remove(resolution.Transaction);
                break;
        }
    }

    public void Clear()
    {
        Prepared.Clear();
        _prepares.Clear();
        _resolves.Clear();
        _commits.Clear();
        _stamps.Clear();
        Unsettled = 0;
    }
}
