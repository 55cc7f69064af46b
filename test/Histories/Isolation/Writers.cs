namespace GrainDb.Histories.Isolation;

/// <summary>Who wrote what in a history.</summary>
internal sealed class Writers
{
    private readonly Dictionary<(string Key, long Element), Entry> _entries = [];

    /// <exception cref="ArgumentException">Two steps write the same: nothing can be told from such a history.</exception>
    public Writers(IReadOnlyList<ClientTransaction> transactions)
    {
        for (var i = 0; i < transactions.Count; i++)
        {
            var last = new Dictionary<string, long>();
            foreach (var step in transactions[i].Steps.Where(step => step.Kind is StepKind.Append or StepKind.Write))
            {
                if (!_entries.TryAdd((step.Key, step.Element!.Value), new(i, IsLast: true)))
                    throw new ArgumentException($"{step.Element} is written to {step.Key} twice: {transactions[i]}", nameof(transactions));
                if (last.TryGetValue(step.Key, out var replaced))
                    _entries[(step.Key, replaced)] = new(i, IsLast: false);
                last[step.Key] = step.Element.Value;
            }
        }
    }

    /// <summary>A write.</summary>
    /// <param name="Transaction">By whom: index in the history.</param>
    /// <param name="IsLast">Whether its transaction wrote nothing to the key after it.</param>
    internal readonly record struct Entry(int Transaction, bool IsLast);

    public IEnumerable<(string Key, long Element, Entry Entry)> All => _entries.Select(entry => (entry.Key.Key, entry.Key.Element, entry.Value));

    public Entry? Find(string key, long element) => _entries.TryGetValue((key, element), out var entry) ? entry : null;
}
