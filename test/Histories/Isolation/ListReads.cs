namespace GrainDb.Histories.Isolation;

/// <summary>
/// What transactions saw of lists that others wrote, their own appends taken off.
/// </summary>
/// <param name="Transaction">Who read: index in the history.</param>
/// <param name="Key">What.</param>
/// <param name="List">The list as others made it.</param>
/// <param name="Length">How much of it is meant.</param>
/// <param name="IsScan">Whether it was scanned.</param>
internal readonly record struct ListRead(int Transaction, string Key, IReadOnlyList<long> List, int Length, bool IsScan);

/// <summary>Takes reads apart.</summary>
internal static class ListReads
{
    /// <summary>All reads; what contradicts itself inside a transaction is noted and left out.</summary>
    public static List<ListRead> Of(IReadOnlyList<ClientTransaction> transactions, List<Anomaly> anomalies)
    {
        var reads = new List<ListRead>();
        for (var i = 0; i < transactions.Count; i++)
        {
            var own = new Dictionary<string, (List<long> Appended, ListRead? Before)>();
            foreach (var step in transactions[i].Steps)
            {
                if (!own.TryGetValue(step.Key, out var known))
                    known = ([], null);
                if (step.Kind == StepKind.Append)
                {
                    known.Appended.Add(step.Element!.Value);
                    own[step.Key] = known;
                    continue;
                }

                if (step.Kind != StepKind.ReadList)
                    throw new ArgumentException($"not a step on a list: {step}", nameof(transactions));
                var read = new ListRead(i, step.Key, step.List, step.List.Count - known.Appended.Count, step.IsScan);
                if (read.Length < 0 || !step.List.Skip(read.Length).SequenceEqual(known.Appended) || (known.Before is { } before && !IsSame(before, read)))
                {
                    anomalies.Add(new(AnomalyKind.Internal, IsRealTime: false, $"{step} does not agree with what the transaction read and wrote before:\n    {transactions[i]}"));
                    continue;
                }

                own[step.Key] = known with { Before = read };
                reads.Add(read);
            }
        }

        return reads;
    }

    private static bool IsSame(ListRead one, ListRead other) => one.Length == other.Length && one.List.Take(one.Length).SequenceEqual(other.List.Take(other.Length));
}
