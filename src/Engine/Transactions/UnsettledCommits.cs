using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// Commits that a range decided for others too, until all of these have confirmed: while a participant may still ask for the decision it is known here. Nothing is ever
/// forgotten for lack of room; a leader takes no more commits of this kind instead (<see cref="TransactionMemory.MaxUnsettledPerRange"/>). The owner synchronizes.
/// </summary>
internal sealed class UnsettledCommits
{
    private readonly Dictionary<TransactionId, LinkedListNode<UnsettledCommit>> _known = [];
    private readonly LinkedList<UnsettledCommit> _byAge = new();

    public int Count => _known.Count;

    /// <summary>Oldest first: in the order of the log.</summary>
    public IReadOnlyCollection<UnsettledCommit> ByAge => _byAge;

    /// <exception cref="InvalidDataException">It is there already: the log is not one that a leader wrote.</exception>
    public void Add(UnsettledCommit commit)
    {
        if (!_known.TryAdd(commit.Transaction, new LinkedListNode<UnsettledCommit>(commit)))
            throw new InvalidDataException($"transaction {commit.Transaction} commits twice");
        _byAge.AddLast(_known[commit.Transaction]);
    }

    /// <summary>The commit timestamp; null when there is no such commit, or it is settled.</summary>
    public Timestamp? Find(TransactionId transaction) => _known.TryGetValue(transaction, out var node) ? node.Value.Commit : null;

    /// <summary>Every other participant has confirmed it.</summary>
    public void Remove(TransactionId transaction)
    {
        if (_known.Remove(transaction, out var node))
            _byAge.Remove(node);
    }
}

/// <summary>One of them.</summary>
/// <param name="Transaction">The transaction.</param>
/// <param name="Commit">Its commit timestamp.</param>
/// <param name="Others">The other participants.</param>
internal sealed record UnsettledCommit(TransactionId Transaction, Timestamp Commit, RangeId[] Others);
