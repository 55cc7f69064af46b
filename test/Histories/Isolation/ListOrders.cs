namespace GrainDb.Histories.Isolation;

/// <summary>The order of versions of every list: the longest that was read. All others must be beginnings of it.</summary>
internal sealed class ListOrders
{
    private readonly IReadOnlyList<ClientTransaction> _transactions;
    private readonly Writers _writers;
    private readonly List<Anomaly> _anomalies;
    private readonly Dictionary<string, ListRead> _longest = [];
    private readonly List<ListRead> _reads = [];
    private readonly HashSet<(string, long)> _reported = [];
    private readonly Dictionary<string, List<Writers.Entry?>> _versions = [];

    public ListOrders(IReadOnlyList<ClientTransaction> transactions, Writers writers, List<ListRead> reads, List<Anomaly> anomalies)
    {
        (_transactions, _writers, _anomalies) = (transactions, writers, anomalies);
        foreach (var read in reads)
        {
            if (!_longest.TryGetValue(read.Key, out var longest) || read.Length > longest.Length)
                _longest[read.Key] = read;
        }

        foreach (var longest in _longest.Values)
            _versions.Add(longest.Key, Follow(longest));
        foreach (var read in reads)
            Look(read);
    }

    /// <summary>All versions that were seen.</summary>
    public IEnumerable<Writers.Entry> Seen => _versions.Values.SelectMany(versions => versions).OfType<Writers.Entry>();

    public IEnumerable<KeyOrder> ToKeyOrders(Nodes nodes)
    {
        var orders = new Dictionary<string, KeyOrder>();
        foreach (var (key, versions) in _versions)
        {
            var order = orders[key] = new KeyOrder(key);
            foreach (var version in versions)
                order.Add(version is { } writer ? nodes.Writer(writer.Transaction) : null);
        }

        var seen = _longest.Values.SelectMany(read => read.List.Take(read.Length).Select(element => (read.Key, element))).ToHashSet();
        foreach (var (key, element, entry) in _writers.All)
        {
            if (nodes.Writer(entry.Transaction) is not { } writer || seen.Contains((key, element)))
                continue;
            if (!orders.TryGetValue(key, out var order))
                orders.Add(key, order = new KeyOrder(key));
            order.AddUnseen(writer);
        }

        foreach (var read in _reads)
            orders[read.Key].Read(read.Length, read.Transaction, read.IsScan);
        return orders.Values;
    }

    /// <summary>The writers of a list's elements, and what is wrong with the list itself.</summary>
    private List<Writers.Entry?> Follow(ListRead longest)
    {
        var versions = new List<Writers.Entry?>();
        var seen = new HashSet<long>();
        ClientTransaction? aborted = null;
        foreach (var element in longest.List.Take(longest.Length))
        {
            var writer = _writers.Find(longest.Key, element);
            if (!seen.Add(element))
            {
                Report(AnomalyKind.DuplicateElement, longest, element, $"{element} stands in {longest.Key} twice");
                writer = null;
            }

            versions.Add(writer);
            if (writer is not { } known)
                continue;
            var transaction = _transactions[known.Transaction];
            if (transaction.Outcome == OperationOutcome.NotApplied)
                aborted ??= transaction;
            else if (aborted is not null)
                _anomalies.Add(new(AnomalyKind.DirtyUpdate, IsRealTime: false, $"{element} was appended to {longest.Key} behind what an aborted transaction wrote:\n    {aborted}\n    {transaction}"));
        }

        return versions;
    }

    private void Look(ListRead read)
    {
        var longest = _longest[read.Key];
        for (var i = 0; i < read.Length; i++)
        {
            var element = read.List[i];
            var isLongest = element == longest.List[i];
            if (isLongest && i < read.Length - 1 && read.Transaction != longest.Transaction)
                continue;
            Look(read, element, isEnd: i == read.Length - 1);
            if (isLongest)
                continue;
            if (_reported.Add((read.Key, element)))
                _anomalies.Add(new(AnomalyKind.IncompatibleOrder, IsRealTime: false, $"{read.Key} has two orders:\n    {_transactions[read.Transaction]}\n    {_transactions[longest.Transaction]}"));
            return;
        }

        _reads.Add(read);
    }

    private void Look(ListRead read, long element, bool isEnd)
    {
        if (_writers.Find(read.Key, element) is not { } writer)
        {
            Report(AnomalyKind.Garbage, read, element, $"nobody appended {element} to {read.Key}");
            return;
        }

        var transaction = _transactions[writer.Transaction];
        if (transaction.Outcome == OperationOutcome.NotApplied)
            Report(AnomalyKind.AbortedRead, read, element, $"{element} in {read.Key} is of an aborted transaction:\n    {transaction}");
        else if (writer.Transaction == read.Transaction)
            Report(AnomalyKind.Internal, read, element, $"{element} was read in {read.Key} before it was appended");
        else if (isEnd && !writer.IsLast)
            Report(AnomalyKind.IntermediateRead, read, element, $"{element} is not the last that its transaction appended to {read.Key}:\n    {transaction}");
    }

    /// <summary>Once for each element.</summary>
    private void Report(AnomalyKind kind, ListRead read, long element, string what)
    {
        if (_reported.Add((read.Key, element)))
            _anomalies.Add(new(kind, IsRealTime: false, $"{what}\n    {_transactions[read.Transaction]}"));
    }
}
