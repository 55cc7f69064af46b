using System.Globalization;
using System.Text;

namespace GrainDb.Histories.Isolation;

/// <summary>Names a cycle by what it consists of, and tells it to a person.</summary>
internal static class CycleNames
{
    public static Anomaly Describe(IReadOnlyList<Dependency> cycle, IReadOnlyList<ClientTransaction> transactions) => new(
        Classify(cycle, transactions),
        cycle.Any(dependency => dependency.Kind == DependencyKind.RealTime),
        Explain(cycle, transactions));

    private static AnomalyKind Classify(IReadOnlyList<Dependency> cycle, IReadOnlyList<ClientTransaction> transactions)
    {
        var anti = cycle.Where(dependency => dependency.Kind == DependencyKind.Anti).ToList();
        if (anti.Count == 0)
            return cycle.Any(dependency => dependency.Kind == DependencyKind.Read) ? AnomalyKind.CircularInformationFlow : AnomalyKind.WriteCycle;
        if (anti is [var one])
        {
            var isOneKey = cycle.All(dependency => dependency.Key == one.Key && dependency.Kind is DependencyKind.Anti or DependencyKind.Write);
            return isOneKey && Writes(transactions[one.From], one.Key!) ? AnomalyKind.LostUpdate : AnomalyKind.ReadSkew;
        }

        if (Enumerable.Range(0, cycle.Count).Any(i => cycle[i].Kind == DependencyKind.Anti && cycle[(i + 1) % cycle.Count].Kind == DependencyKind.Anti))
            return anti.Exists(dependency => dependency.IsScan) ? AnomalyKind.PredicateWriteSkew : AnomalyKind.WriteSkew;
        var isFork = cycle.All(dependency => dependency.Kind is DependencyKind.Anti or DependencyKind.Read)
            && cycle.Count == 2 * anti.Count
            && anti.TrueForAll(dependency => !transactions[dependency.From].Steps.Any(IsWrite));
        return isFork ? AnomalyKind.LongFork : AnomalyKind.NonAdjacentCycle;
    }

    private static bool Writes(ClientTransaction transaction, string key) => transaction.Steps.Any(step => IsWrite(step) && step.Key == key);

    private static bool IsWrite(TransactionStep step) => step.Kind is StepKind.Append or StepKind.Write;

    private static string Explain(IReadOnlyList<Dependency> cycle, IReadOnlyList<ClientTransaction> transactions)
    {
        var text = new StringBuilder();
        foreach (var dependency in cycle)
        {
            var (from, to) = (transactions[dependency.From], transactions[dependency.To]);
            text.Append(CultureInfo.InvariantCulture, $"\n    #{from.Number} before #{to.Number}: ").Append(dependency.Kind switch
            {
                DependencyKind.Write => $"it wrote the version of {dependency.Key} that #{to.Number} replaced (ww)",
                DependencyKind.Read => $"#{to.Number} read its {dependency.Key} (wr)",
                DependencyKind.Anti => $"it {(dependency.IsScan ? "scanned" : "read")} {dependency.Key} as it was before #{to.Number} (rw)",
                _ => $"it had ended at {from.Returned}, before #{to.Number} began at {to.Invoked} (real time)",
            });
        }

        foreach (var transaction in cycle.Select(dependency => dependency.From).Distinct().Select(i => transactions[i]))
            text.Append(CultureInfo.InvariantCulture, $"\n    {transaction}");
        return text.ToString();
    }
}
