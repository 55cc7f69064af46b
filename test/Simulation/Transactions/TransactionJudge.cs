using System.Globalization;
using System.Text;
using GrainDb.Engine.Mvcc;
using GrainDb.Engine.Ranges;
using GrainDb.Histories;
using GrainDb.Histories.Isolation;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;
using GrainDb.Simulation.Cluster;

namespace GrainDb.Simulation.Transactions;

/// <summary>Judges the transactions of a run whose cluster has come to rest: what clients saw among itself, and compared with what is there.</summary>
internal sealed class TransactionJudge(SimulatedCluster cluster, Func<SimulatedRange, RangeReplica> replicas)
{
    private readonly Dictionary<string, IReadOnlyList<Held>> _held = [];

    private readonly record struct Held(Timestamp Version, string? Value, TransactionId Writer);

    public IEnumerable<string> Judge()
    {
        // What others did one after the other, without a key in common, a third may see the other way round: no order of real time for cycles.
        var recorder = cluster.Recorder;
        return AppendChecker.Check(recorder.Lists.Snapshot(), isRealTime: false).Select(anomaly => $"lists: {anomaly}")
            .Concat(RegisterChecker.Check(Registers(), isRealTime: false).Select(anomaly => $"registers: {anomaly}"))
            .Concat(cluster.Profile.IsBeyondOffset ? [] : Overlooked())
            .Concat(AccountsChecker.Check([.. recorder.Accounts, .. FinalAccounts()], TransactionClient.AccountsOf(cluster), TransactionClient.Total).Select(violation => $"{violation}"))
            .Concat(RingChecker.Check([.. recorder.Rings, .. FinalRing()], TransactionClient.Ring).Select(violation => $"{violation}"))
            .Concat(recorder.Finished.SelectMany(Compare));
    }

    /// <summary>Of every key that a transaction read it has to see what was acknowledged before the transaction began.</summary>
    private IEnumerable<string> Overlooked()
    {
        var acknowledged = cluster.History.Snapshot()
            .Where(operation => operation is { Outcome: OperationOutcome.Ok, Kind: not OperationKind.Read } && (operation.Kind == OperationKind.Put || operation.Existed == true))
            .Select(operation => (operation.Key, operation.Returned, operation.Version))
            .Concat(cluster.Recorder.Finished
                .Where(finished => finished.Transaction.Outcome == OperationOutcome.Ok)
                .SelectMany(finished => finished.Written.Select(key => (Key: key, finished.Transaction.Returned, Version: finished.Transaction.CommitTimestamp))))
            .ToLookup(write => write.Key, write => (write.Returned, write.Version));
        foreach (var finished in cluster.Recorder.Finished.Where(finished => !finished.Transaction.IsStaleRead))
        {
            foreach (var key in finished.Seen.Keys)
            {
                var before = acknowledged[key].Where(write => write.Returned < finished.Transaction.Invoked).Select(write => write.Version).DefaultIfEmpty().Max();
                if (before > finished.ReadTimestamp)
                    yield return $"real time: version {before} of {key} was acknowledged before it began, and its snapshot is {finished.ReadTimestamp}: {finished.Transaction}";
            }
        }
    }

    /// <summary>What is there of a transaction, what ranges remember of it, and what its client was told and saw.</summary>
    private IEnumerable<string> Compare(FinishedTransaction finished)
    {
        foreach (var (key, version) in finished.Seen)
        {
            var there = At(key, finished.ReadTimestamp);
            if (there != version)
                yield return $"snapshots: {key} has version {there} at {finished.ReadTimestamp}, but seen was {version}: {finished.Transaction}";
        }

        if (finished.Id.IsNone || finished.Written.Count == 0)
            yield break;
        var made = finished.Written.SelectMany(key => Chain(key).Where(version => version.Writer == finished.Id).Select(version => (Key: key, version.Version))).ToList();
        if (made.Count != 0 && (made.Count != finished.Written.Count || made.Select(version => version.Version).Distinct().Count() != 1))
            yield return $"atomicity: of {string.Join(' ', finished.Written)} there is only {string.Join(' ', made)}: {finished.Transaction}";
        var commit = made.Count == 0 ? Timestamp.Zero : made[0].Version;
        var told = finished.Transaction.Outcome switch
        {
            OperationOutcome.Ok when finished.IsRepeated => made.Count == 0 && finished.Written.All(key => Chain(key).Any(version => version.Version == finished.Transaction.CommitTimestamp)),
            OperationOutcome.Ok => commit == finished.Transaction.CommitTimestamp,
            OperationOutcome.NotApplied => commit.IsZero,
            _ => true,
        };
        if (!told)
            yield return $"honest outcomes: it is there at {commit}: {finished.Transaction}";
        foreach (var broken in commit.IsZero || finished.ReadTimestamp.IsZero ? [] : CompareSnapshot(finished, commit))
            yield return broken;
        foreach (var range in cluster.Ranges)
        {
            if (replicas(range).Transactions.FindOutcome(finished.Id) is { } outcome && outcome != commit)
                yield return $"decisions: range {range.Descriptor.Id} says {outcome}, the data {commit}: {finished.Transaction}";
        }

        if (!commit.IsZero && !cluster.Profile.OutlivesMemory && cluster.Ranges.All(range => replicas(range).Transactions.FindCommit(finished.Id) is null))
        {
            yield return $"decisions: it is there at {commit}, and nobody knows that it committed: {finished.Transaction}";
        }
    }

    /// <summary>A commit lies above its snapshot; what it wrote, and what it read where that must hold, has nobody else's version in between.</summary>
    private IEnumerable<string> CompareSnapshot(FinishedTransaction finished, Timestamp commit)
    {
        if (commit <= finished.ReadTimestamp)
            yield return $"isolation: it committed at {commit}, not above its snapshot {finished.ReadTimestamp}: {finished.Transaction}";
        var unchanged = finished.Transaction.Isolation == IsolationLevel.Serializable ? finished.Written.Union(finished.Seen.Keys) : finished.Written;
        foreach (var key in unchanged)
        {
            var between = Chain(key).FirstOrDefault(version => version.Version > finished.ReadTimestamp && version.Version < commit);
            if (!between.Version.IsZero)
                yield return $"isolation: {key} changed at {between.Version}, between its snapshot {finished.ReadTimestamp} and its commit {commit}: {finished.Transaction}";
        }
    }

    /// <summary>Transactions on registers, and everything that others did to these without one.</summary>
    private List<ClientTransaction> Registers()
    {
        var transactions = cluster.Recorder.Registers.Snapshot().ToList();
        var inTransactions = transactions.SelectMany(transaction => transaction.Steps).Where(step => step.Kind == StepKind.Write).Select(step => $"{step.Element}").ToHashSet();
        foreach (var operation in cluster.History.Snapshot().Where(operation => operation.Value is null || !inTransactions.Contains(operation.Value)))
        {
            if (operation.Kind == OperationKind.Read && operation.Outcome != OperationOutcome.Ok)
                continue;
            transactions.Add(new ClientTransaction
            {
                Number = transactions.Count,
                Client = operation.Client,
                Isolation = IsolationLevel.Serializable,
                Steps =
                [
                    operation.Kind == OperationKind.Read
                        ? TransactionStep.ReadValue(operation.Key, operation.Seen.Value is { } seen ? long.Parse(seen, CultureInfo.InvariantCulture) : null, operation.Seen.Version)
                        : TransactionStep.Write(operation.Key, long.Parse(operation.Value!, CultureInfo.InvariantCulture)),
                ],
                Invoked = operation.Invoked,
                Returned = operation.Returned,
                Outcome = operation.Outcome == OperationOutcome.Mismatch ? OperationOutcome.NotApplied : operation.Outcome,
                CommitTimestamp = operation.Version,
                IsStaleRead = operation.IsStaleRead,
                Note = operation.AnsweredBy,
            });
        }

        return transactions;
    }

    private IEnumerable<AccountsSeen> FinalAccounts()
    {
        var balances = TransactionClient.AccountsOf(cluster).Select(account => (account, Newest(account))).Where(balance => balance.Item2 is not null)
            .ToDictionary(balance => balance.account, balance => long.Parse(balance.Item2!, CultureInfo.InvariantCulture));
        return balances.Count == 0 ? [] : [new AccountsSeen(balances, Timestamp.Max, "in the end")];
    }

    private IEnumerable<RingSeen> FinalRing()
    {
        var links = Enumerable.Range(0, TransactionClient.Ring).Select(node => (node, Newest(TransactionClient.RingNode(cluster, node)))).Where(link => link.Item2 is not null)
            .ToDictionary(link => link.node, link => int.Parse(link.Item2!, CultureInfo.InvariantCulture));
        return links.Count == 0 ? [] : [new RingSeen(links, Timestamp.Max, "in the end")];
    }

    private string? Newest(string key) => Chain(key) is [.., var newest] ? newest.Value : null;

    /// <summary>The version that is live at a timestamp; zero when none is.</summary>
    private Timestamp At(string key, Timestamp timestamp)
    {
        var newest = Chain(key).LastOrDefault(version => version.Version <= timestamp);
        return newest.Value is null ? Timestamp.Zero : newest.Version;
    }

    /// <summary>All versions of a key, oldest first.</summary>
    private IReadOnlyList<Held> Chain(string key)
    {
        if (_held.TryGetValue(key, out var known))
            return known;
        var bytes = Encoding.UTF8.GetBytes(key);
        var versions = new List<MvccVersion>();
        replicas(cluster.RangeOf(bytes)).Store.History(bytes, int.MaxValue, versions);
        return _held[key] =
        [
            .. versions.OrderBy(version => version.Timestamp).Select(version => new Held(
                version.Timestamp,
                version.IsTombstone ? null : Encoding.UTF8.GetString(StoredValue.Read(version.Value).Value.Span),
                StoredValue.ReadOrigin(version.Value.Span)?.Transaction ?? TransactionId.None)),
        ];
    }
}
