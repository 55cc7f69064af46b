using GrainDb.Histories.Isolation;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Histories.Tests.Isolation;

/// <summary>
/// A database that keeps its promises, in a few lines: snapshots, the first committer wins, serializable transactions fail too when what they read
/// has changed. Clients' steps interleave as chance wants it; some ends get lost on the way.
/// </summary>
internal sealed class SnapshotDatabase
{
    private readonly Random _random;
    private readonly int _keys;
    private readonly double _unknown;
    private readonly Func<Random, IsolationLevel> _level;
    private readonly Dictionary<string, List<Version>> _versions = [];
    private readonly List<ClientTransaction> _history = [];
    private long _clock;
    private long _elements;

    public SnapshotDatabase(int seed, int keys, double unknown, Func<Random, IsolationLevel> level) =>
        (_random, _keys, _unknown, _level) = (new Random(seed), keys, unknown, level);

    private sealed record Version(long At, IReadOnlyList<long> List);

    private sealed class Running(ClientTransaction transaction, int left)
    {
        public ClientTransaction Transaction { get; set; } = transaction;

        public int Left { get; set; } = left;

        public List<TransactionStep> Steps { get; } = [];

        public Dictionary<string, List<long>> Appended { get; } = [];

        public HashSet<string> Read { get; } = [];
    }

    /// <summary>Which key a transaction touches; by default any of all.</summary>
    public Func<Random, string>? ChooseKey { get; init; }

    public List<ClientTransaction> Run(int clients, int transactions, int maxSteps)
    {
        var running = new Running?[clients];
        while (_history.Count < transactions || Array.Exists(running, each => each is not null))
        {
            var client = _random.Next(clients);
            _clock++;
            if (running[client] is not { } current)
            {
                if (_history.Count < transactions)
                    running[client] = Begin(client, 1 + _random.Next(maxSteps));
            }
            else if (current.Left-- > 0)
            {
                Step(current);
            }
            else
            {
                Commit(current);
                running[client] = null;
            }
        }

        return _history;
    }

    /// <summary>The same history as that of registers that hold the last element of each list.</summary>
    public List<ClientTransaction> AsRegisters() => _history.ConvertAll(transaction => transaction with
    {
        Steps = [.. transaction.Steps.Select(step => step.Kind == StepKind.Append
            ? TransactionStep.Write(step.Key, step.Element!.Value)
            : step.List is [.., var last] ? TransactionStep.ReadValue(step.Key, last, VersionOf(step.Key, last), step.IsScan) : TransactionStep.ReadValue(step.Key, null, default, step.IsScan))],
    });

    private Timestamp VersionOf(string key, long element) =>
        _versions.TryGetValue(key, out var versions) && versions.Find(version => version.List.Contains(element)) is { } version ? new((ulong)version.At) : default;

    private Running Begin(int client, int steps)
    {
        var transaction = new ClientTransaction { Number = _history.Count, Client = $"c{client}", Isolation = _level(_random), Invoked = _clock };
        _history.Add(transaction);
        return new Running(transaction, steps);
    }

    private void Step(Running current)
    {
        var key = ChooseKey?.Invoke(_random) ?? $"k{_random.Next(_keys)}";
        if (!current.Appended.TryGetValue(key, out var appended))
            current.Appended.Add(key, appended = []);
        if (_random.Next(2) == 0)
        {
            appended.Add(++_elements);
            current.Steps.Add(TransactionStep.Append(key, _elements));
        }
        else
        {
            current.Read.Add(key);
            current.Steps.Add(TransactionStep.ReadList(key, [.. At(key, current.Transaction.Invoked), .. appended], isScan: _random.Next(4) == 0));
        }
    }

    private IReadOnlyList<long> At(string key, long time) => _versions.TryGetValue(key, out var versions) ? versions.FindLast(version => version.At <= time)?.List ?? [] : [];

    private void Commit(Running current)
    {
        var began = current.Transaction.Invoked;
        var written = current.Appended.Where(entry => entry.Value.Count > 0).ToList();
        var isRefused = written.Exists(entry => IsChanged(entry.Key, began))
            || (current.Transaction.Isolation == IsolationLevel.Serializable && written.Count > 0 && current.Read.Any(key => IsChanged(key, began)));
        var getsLost = _random.NextDouble() < _unknown;
        if (!isRefused && !(getsLost && _random.Next(2) == 0))
        {
            foreach (var (key, appended) in written)
            {
                if (!_versions.TryGetValue(key, out var versions))
                    _versions.Add(key, versions = []);
                versions.Add(new(_clock, [.. At(key, _clock), .. appended]));
            }
        }

        _history[current.Transaction.Number] = current.Transaction with
        {
            Steps = current.Steps,
            Outcome = getsLost ? OperationOutcome.Unknown : isRefused ? OperationOutcome.NotApplied : OperationOutcome.Ok,
            Returned = getsLost ? long.MaxValue : _clock,
            CommitTimestamp = getsLost || isRefused ? default : new Timestamp((ulong)_clock),
        };
    }

    private bool IsChanged(string key, long since) => _versions.TryGetValue(key, out var versions) && versions[^1].At > since;
}
