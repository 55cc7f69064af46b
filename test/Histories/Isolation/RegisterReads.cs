using GrainDb.Interfaces.Keys;

namespace GrainDb.Histories.Isolation;

/// <summary>What transactions saw of registers that others wrote, and when those committed.</summary>
internal sealed class RegisterReads
{
    private readonly IReadOnlyList<ClientTransaction> _transactions;
    private readonly List<Anomaly> _anomalies;
    private readonly Writers _writers;
    private readonly Timestamp[] _commits;
    private readonly List<(int Reader, string Key, long? Value, bool IsScan)> _reads = [];

    public RegisterReads(IReadOnlyList<ClientTransaction> transactions, List<Anomaly> anomalies)
    {
        (_transactions, _anomalies) = (transactions, anomalies);
        _writers = new Writers(transactions);
        _commits = [.. transactions.Select(transaction => transaction.CommitTimestamp)];
        for (var i = 0; i < transactions.Count; i++)
            Look(i);
    }

    /// <summary>Whose writes somebody else saw.</summary>
    public HashSet<int> Seen { get; } = [];

    public IEnumerable<KeyOrder> ToKeyOrders(Nodes nodes)
    {
        var orders = new Dictionary<string, KeyOrder>();
        var places = new Dictionary<(string Key, long Value), int>();
        var versions = _writers.All.Where(write => write.Entry.IsLast && !_commits[write.Entry.Transaction].IsZero && nodes.Writer(write.Entry.Transaction) is not null);
        foreach (var key in versions.GroupBy(write => write.Key))
        {
            var order = orders[key.Key] = new KeyOrder(key.Key);
            var (last, count) = (Timestamp.Zero, 0);
            foreach (var (_, value, entry) in key.OrderBy(write => _commits[write.Entry.Transaction]))
            {
                if (_commits[entry.Transaction] == last)
                    Report(AnomalyKind.IncompatibleOrder, entry.Transaction, $"two values of {key.Key} have version {last}");
                last = _commits[entry.Transaction];
                order.Add(entry.Transaction);
                places[(key.Key, value)] = ++count;
            }
        }

        foreach (var (reader, key, value, isScan) in _reads)
        {
            var place = 0;
            if (value is { } written && !places.TryGetValue((key, written), out place))
                continue;
            if (orders.TryGetValue(key, out var order))
                order.Read(place, reader, isScan);
        }

        return orders.Values;
    }

    private void Look(int index)
    {
        var own = new Dictionary<string, long?>();
        foreach (var step in _transactions[index].Steps)
        {
            if (step.Kind is not (StepKind.Write or StepKind.ReadValue))
                throw new ArgumentException($"not a step on a register: {step}", nameof(index));
            var isKnown = own.TryGetValue(step.Key, out var known);
            own[step.Key] = step.Element;
            if (step.Kind == StepKind.Write)
                continue;
            if (isKnown)
            {
                if (known != step.Element)
                    Report(AnomalyKind.Internal, index, $"{step} does not agree with what the transaction read and wrote before");
            }
            else if (step.Element is not { } value)
            {
                _reads.Add((index, step.Key, null, step.IsScan));
            }
            else if (_writers.Find(step.Key, value) is not { } writer)
            {
                Report(AnomalyKind.Garbage, index, $"nobody wrote what {step} gave");
            }
            else
            {
                Look(index, step, writer);
            }
        }
    }

    private void Look(int index, TransactionStep step, Writers.Entry writer)
    {
        var other = _transactions[writer.Transaction];
        if (writer.Transaction == index)
        {
            Report(AnomalyKind.Internal, index, $"{step} was read before it was written");
            return;
        }

        Seen.Add(writer.Transaction);
        _reads.Add((index, step.Key, step.Element, step.IsScan));
        if (other.Outcome == OperationOutcome.NotApplied)
            Report(AnomalyKind.AbortedRead, index, $"{step} is of an aborted transaction:\n    {other}");
        else if (!writer.IsLast)
            Report(AnomalyKind.IntermediateRead, index, $"{step} is not the last that its transaction wrote:\n    {other}");
        if (_commits[writer.Transaction].IsZero)
            _commits[writer.Transaction] = step.Version;
        else if (_commits[writer.Transaction] != step.Version)
            Report(AnomalyKind.IncompatibleOrder, index, $"{step} is of a transaction that committed at {_commits[writer.Transaction]}:\n    {other}");
    }

    private void Report(AnomalyKind kind, int transaction, string what) => _anomalies.Add(new(kind, IsRealTime: false, $"{what}\n    {_transactions[transaction]}"));
}
