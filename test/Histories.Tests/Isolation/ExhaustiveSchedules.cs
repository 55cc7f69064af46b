using GrainDb.Histories.Isolation;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Histories.Tests.Isolation;

/// <summary>
/// Isolation by its definition, with no cleverness: every order of snapshots and commits, and every subset of the unknown transactions, is tried;
/// those that did not commit still read from a snapshot. For histories of a few transactions.
/// </summary>
internal sealed class ExhaustiveSchedules
{
    private readonly List<ClientTransaction> _transactions;
    private readonly bool _isRealTime;
    private readonly long?[] _begun;
    private readonly bool[] _ended;
    private readonly Dictionary<string, List<(long At, long[] List)>> _versions = [];

    private ExhaustiveSchedules(List<ClientTransaction> transactions, bool isRealTime)
    {
        (_transactions, _isRealTime) = (transactions, isRealTime);
        _begun = new long?[transactions.Count];
        _ended = new bool[transactions.Count];
    }

    public static bool IsPossible(IReadOnlyList<ClientTransaction> transactions, bool isRealTime)
    {
        var unknown = transactions.Where(transaction => transaction.Outcome == OperationOutcome.Unknown).ToList();
        return Enumerable.Range(0, 1 << unknown.Count).Any(subset => new ExhaustiveSchedules(
            [.. transactions.Select(transaction => transaction.Outcome == OperationOutcome.Ok || (unknown.IndexOf(transaction) is >= 0 and var i && (subset & (1 << i)) != 0)
                ? transaction with { Outcome = OperationOutcome.Ok }
                : transaction with { Outcome = OperationOutcome.NotApplied, Isolation = IsolationLevel.Snapshot })],
            isRealTime).Search(1));
    }

    private bool Search(long now)
    {
        if (Array.TrueForAll(_ended, ended => ended))
            return true;
        for (var i = 0; i < _transactions.Count; i++)
        {
            if (_ended[i])
                continue;
            if (_begun[i] is { } begun)
            {
                if (TryCommit(i, begun, now) && Search(now + 1))
                    return true;
                Undo(now);
                _ended[i] = false;
                continue;
            }

            if (!MayBegin(i) || !ReadsAreRight(_transactions[i], now))
                continue;
            _begun[i] = now;
            if (_transactions[i].Isolation == IsolationLevel.Snapshot)
            {
                if (Search(now + 1))
                    return true;
            }
            else
            {
                if (TryCommit(i, now, now) && Search(now + 1))
                    return true;
                Undo(now);
                _ended[i] = false;
            }

            _begun[i] = null;
        }

        return false;
    }

    private bool MayBegin(int i) => !_isRealTime || _transactions[i].IsStaleRead
        || !Enumerable.Range(0, _transactions.Count).Any(j => !_ended[j] && _transactions[j].Returned < _transactions[i].Invoked);

    private bool ReadsAreRight(ClientTransaction transaction, long now)
    {
        var own = new Dictionary<string, List<long>>();
        foreach (var step in transaction.Steps)
        {
            if (!own.TryGetValue(step.Key, out var appended))
                own.Add(step.Key, appended = []);
            if (step.Kind == StepKind.Append)
                appended.Add(step.Element!.Value);
            else if (!step.List.SequenceEqual(At(step.Key, now).Concat(appended)))
                return false;
        }

        return true;
    }

    private bool TryCommit(int i, long begun, long now)
    {
        var committed = _transactions[i].Outcome == OperationOutcome.Ok ? _transactions[i].Steps : [];
        foreach (var key in committed.Where(step => step.Kind == StepKind.Append).GroupBy(step => step.Key))
        {
            if (!_versions.TryGetValue(key.Key, out var versions))
                _versions.Add(key.Key, versions = []);
            if (versions.Count > 0 && versions[^1].At > begun)
                return false;
            versions.Add((now, [.. At(key.Key, now), .. key.Select(step => step.Element!.Value)]));
        }

        _ended[i] = true;
        return true;
    }

    private void Undo(long now)
    {
        foreach (var versions in _versions.Values)
            versions.RemoveAll(version => version.At >= now);
    }

    private long[] At(string key, long now) => _versions.TryGetValue(key, out var versions) && versions.FindLast(version => version.At <= now) is { List: { } list } ? list : [];
}
