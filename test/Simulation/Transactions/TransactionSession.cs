using System.Text;
using GrainDb.Histories;
using GrainDb.Histories.Isolation;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;
using GrainDb.Simulation.Cluster;
using GrainDb.Simulation.Core;

namespace GrainDb.Simulation.Transactions;

/// <summary>
/// One interactive transaction from its client's side: everything goes through the network to the node that coordinates, and is noted in a history.
/// </summary>
internal sealed class TransactionSession
{
    private static readonly TimeSpan ReadTimeout = TimeSpan.FromMilliseconds(1000);
    private static readonly TimeSpan CommitTimeout = TimeSpan.FromMilliseconds(2000);
    private static readonly TimeSpan Margin = TimeSpan.FromMilliseconds(300);

    private readonly SimulatedCluster _cluster;
    private readonly SimulatedProcess _process;
    private readonly SimulatedNode _node;
    private readonly TransactionHistory _history;
    private readonly List<TransactionStep> _steps = [];
    private readonly Dictionary<string, KeyWrite> _writes = [];
    private readonly Dictionary<string, Timestamp> _seen = [];
    private ClientTransaction _transaction;
    private Timestamp _readTimestamp;
    private bool _isRepeated;

    private TransactionSession(SimulatedCluster cluster, SimulatedProcess process, SimulatedNode node, TransactionHistory history, ClientTransaction transaction)
    {
        (_cluster, _process, _node, _history) = (cluster, process, node, history);
        _transaction = history.Begin(transaction);
    }

    public TransactionId Id { get; private set; }

    /// <summary>Whether everything that was asked for was answered so far.</summary>
    public bool IsSound { get; private set; } = true;

    /// <summary>How it ended.</summary>
    public OperationOutcome Outcome => _transaction.Outcome;

    public Timestamp CommitTimestamp => _transaction.CommitTimestamp;

    public string Note => $"{_transaction}";

    /// <summary>Begins a transaction on a node.</summary>
    public static async Task<TransactionSession> BeginAsync(
        SimulatedCluster cluster, SimulatedProcess process, SimulatedNode node, TransactionHistory history, IsolationLevel isolation, bool readOnly)
    {
        var session = new TransactionSession(cluster, process, node, history, new ClientTransaction { Client = process.Name, Isolation = isolation, Invoked = cluster.World.Now });
        var options = new TransactionOptions(isolation, readOnly, Timestamp.Zero, TransactionLimits.DefaultDuration);
        var begun = await session.CallAsync("begin", transactions => new ValueTask<TransactionBegun>(transactions.Begin(options)), ReadTimeout);
        if (begun is not { Failure: null })
            return session.Broken();
        (session.Id, session._readTimestamp) = (begun.Id, begun.ReadTimestamp);
        session._transaction = session._transaction with { Note = $"{begun.Id} on {node.Name}" };
        return session;
    }

    /// <summary>Reads a key of the snapshot, or its own write.</summary>
    /// <returns>The value, null when there is none. Looks at <see cref="IsSound"/> first.</returns>
    public async Task<(string? Value, Timestamp Version)> ReadAsync(string key)
    {
        if (!IsSound)
            return default;
        if (_writes.TryGetValue(key, out var own))
            return (Encoding.UTF8.GetString(own.Value.Span), default);
        var result = await CallAsync($"read {key} for {Id}", transactions => transactions.ReadAsync(Id, Encoding.UTF8.GetBytes(key), ReadTimeout), ReadTimeout + Margin);
        if (result is not { Failure: null })
        {
            Broken();
            return default;
        }

        _seen[key] = result.Version;
        _readTimestamp = result.ReadTimestamp;
        return (result.Found ? Encoding.UTF8.GetString(result.Value.Span) : null, result.Version);
    }

    /// <summary>Scans the keys with a prefix.</summary>
    public async Task<IReadOnlyDictionary<string, (string Value, Timestamp Version)>> ScanAsync(string prefix, int limit)
    {
        var rows = new Dictionary<string, (string, Timestamp)>();
        if (!IsSound)
            return rows;
        ReadOnlyMemory<byte> start = Encoding.UTF8.GetBytes(prefix);
        var query = new ScanQuery(start, ScanQuery.EndOfPrefix(start), Timestamp.Zero, limit, Reverse: false, KeysOnly: false, ResumeKey: null);
        var result = await CallAsync($"scan {prefix} for {Id}", transactions => transactions.ScanAsync(Id, query, ReadTimeout), ReadTimeout + Margin);
        if (result is not { Failure: null, ResumeKey: null })
        {
            Broken();
            return rows;
        }

        _readTimestamp = result.ReadTimestamp;
        foreach (var item in result.Items)
        {
            var key = Encoding.UTF8.GetString(item.Key.Span);
            rows[key] = (Encoding.UTF8.GetString(item.Value.Span), item.Version);
            _seen[key] = item.Version;
        }

        return rows;
    }

    /// <summary>Notes a step in the history.</summary>
    public void Did(TransactionStep step) => _steps.Add(step);

    /// <summary>Writes a key; it is sent with the commit.</summary>
    public void Write(string key, string value, WriteCondition condition = default) =>
        _writes[key] = new KeyWrite(Encoding.UTF8.GetBytes(key), WriteKind.Put, Encoding.UTF8.GetBytes(value), "", condition, null);

    /// <summary>Commits.</summary>
    /// <param name="stamp">Makes a repetition one; null for none.</param>
    public async Task CommitAsync(IdempotencyStamp? stamp = null)
    {
        if (!IsSound)
            return;
        _history.Update(_transaction = _transaction with { Steps = [.. _steps] });
        var result = await CallAsync(
            $"commit {Id}", transactions => transactions.CommitAsync(Id, [.. _writes.Values], stamp, CommitTimeout), CommitTimeout + Margin);
        if (result is { Failure: null })
        {
            _isRepeated = result.IsRepeated;
            End(OperationOutcome.Ok, result.CommitTimestamp);
        }
        else if (result is { Failure.Outcome: Interfaces.Errors.Outcome.NotApplied })
            End(OperationOutcome.NotApplied);
    }

    /// <summary>Asks any node what became of it, where nobody said.</summary>
    public async Task AskAsync(SimulatedNode node)
    {
        if (_transaction.Outcome != OperationOutcome.Unknown || Id.IsNone)
            return;
        var found = await _cluster.Network.CallAsync(
            _process, node.Name, $"what became of {Id}", async () => new Told(node.Transactions is { } transactions ? await transactions.Ranges.FindOutcomeAsync(Id, ReadTimeout) : null), ReadTimeout * 3, mayRepeat: false);
        End(found);
    }

    /// <summary>Has it given up, where nobody said what became of it.</summary>
    public async Task GiveUpAsync(SimulatedNode node)
    {
        if (_transaction.Outcome != OperationOutcome.Unknown || Id.IsNone)
            return;
        var found = await _cluster.Network.CallAsync(
            _process, node.Name, $"give {Id} up", async () => new Told(node.Transactions is { } transactions ? await transactions.Ranges.GiveUpAsync(Id, ReadTimeout) : null), ReadTimeout * 3, mayRepeat: false);
        End(found);
    }

    /// <summary>The end of the client's interest in it.</summary>
    public FinishedTransaction Finish()
    {
        if (_transaction.Outcome == OperationOutcome.Unknown)
            _history.Update(_transaction);
        return new FinishedTransaction(Id, _transaction, _writes.Keys, _seen, _readTimestamp) { IsRepeated = _isRepeated };
    }

    private void End(Told? told)
    {
        if (told?.Outcome is { } outcome)
            End(outcome.IsZero ? OperationOutcome.NotApplied : OperationOutcome.Ok, outcome);
    }

    private void End(OperationOutcome outcome, Timestamp commit = default) => _history.Update(_transaction = _transaction with
    {
        Outcome = outcome,
        CommitTimestamp = _writes.Count > 0 ? commit : default,
        Returned = _cluster.World.Now,
    });

    /// <summary>It goes no further, and nothing of it was ever sent to be committed.</summary>
    private TransactionSession Broken()
    {
        IsSound = false;
        _transaction = _transaction with { Steps = [.. _steps] };
        End(OperationOutcome.NotApplied);
        return this;
    }

    private sealed record Told(Timestamp? Outcome);

    private Task<T?> CallAsync<T>(string what, Func<NodeTransactions, ValueTask<T>> call, TimeSpan patience)
        where T : class => _cluster.Network.CallAsync(_process, _node.Name, what, () => _node.Transactions is { } transactions ? call(transactions) : NeverAsync<T>(), patience, mayRepeat: false);

    private static async ValueTask<T> NeverAsync<T>() => await new TaskCompletionSource<T>().Task;
}
