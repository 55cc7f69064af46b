using System.Globalization;
using System.Text;
using GrainDb.Histories;
using GrainDb.Histories.Isolation;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Simulation.Transactions;

/// <summary>Transactions that come whole, in one request.</summary>
internal sealed partial class TransactionClient
{
    /// <summary>Attempts at a request that has a stamp, and whose outcome is not known.</summary>
    private const int Attempts = 4;

    /// <summary>A check, reads and writes.</summary>
    private Task OneRequestAsync()
    {
        var isolation = AnyLevel();
        var keys = AnyRegisters();
        return WriteRegistersAsync(isolation, keys, [], new TransactRequest
        {
            Isolation = isolation,
            Checks = _random.Next(2) == 0 ? [Check(keys[0].Key, CheckKind.Exists)] : [],
            Reads = [.. keys.Select(key => new TransactRead(DataKeyspace.Name, Encoding.UTF8.GetBytes(key.Key), IsScan: false, null, 1))],
            Writes = [.. keys.Select(key => Put(key.Key, key.Value))],
        });
    }

    /// <summary>Checks that a register still has the version that was read, and writes others.</summary>
    private async Task CheckedRequestAsync()
    {
        var seen = AnyRange().Key(_random.Next(_cluster.Profile.Keys));
        var (range, bytes) = (_cluster.RangeOf(Encoding.UTF8.GetBytes(seen)), Encoding.UTF8.GetBytes(seen));
        var read = await AtLeaderAsync(range, $"read {seen}", leader => leader.ReadAsync(new RangeRead(bytes, Timestamp.Zero, range.Descriptor.Generation)), ReadResult.Failed);
        var keys = AnyRegisters().Where(key => key.Key != seen).ToList();
        if (read is not { Failure: null } || keys.Count == 0)
            return;
        var value = read.Found ? long.Parse(Encoding.UTF8.GetString(read.Value.Span), CultureInfo.InvariantCulture) : (long?)null;
        await WriteRegistersAsync(IsolationLevel.Serializable, keys, [TransactionStep.ReadValue(seen, value, read.Version)], new TransactRequest
        {
            Isolation = AnyLevel(),
            Checks = [Check(seen, read.Found ? CheckKind.VersionEquals : CheckKind.NotExists) with { Version = read.Version }],
            Writes = [.. keys.Select(key => Put(key.Key, key.Value))],
        });
    }

    private async Task WriteRegistersAsync(IsolationLevel isolation, List<(string Key, string Value)> keys, IReadOnlyList<TransactionStep> held, TransactRequest request)
    {
        var writes = keys.Select(key => TransactionStep.Write(key.Key, long.Parse(key.Value, CultureInfo.InvariantCulture)));
        var transaction = Recorder.Registers.Begin(new ClientTransaction { Client = _process.Name, Isolation = isolation, Steps = [.. writes], Invoked = _cluster.World.Now, Note = "one request" });
        var operations = keys.ConvertAll(key => _cluster.History.Invoke(new Operation { Client = _process.Name, Key = key.Key, Kind = OperationKind.Put, Value = key.Value, Invoked = _cluster.World.Now }));
        var result = await TransactAsync(request);
        var outcome = OutcomeOf(result);
        if (outcome == OperationOutcome.Ok)
            Succeeded++;
        var reads = result is { Failure: null, Reads.Count: > 0 } ? keys.Select((key, i) => TransactionStep.ReadValue(
            key.Key,
            result.Reads[i].Item is { } item ? long.Parse(Encoding.UTF8.GetString(item.Value.Span), CultureInfo.InvariantCulture) : null,
            result.Reads[i].Item?.Version ?? default)) : [];
        transaction = transaction with
        {
            Steps = [.. outcome == OperationOutcome.Ok ? held : [], .. reads, .. writes],
            Outcome = outcome,
            CommitTimestamp = outcome == OperationOutcome.Ok ? result!.CommitTimestamp : default,
            Returned = _cluster.World.Now,
        };
        Recorder.Registers.Update(transaction);
        if (outcome != OperationOutcome.Unknown)
            operations.ForEach(operation => _cluster.History.Return(operation with { Outcome = outcome, Version = transaction.CommitTimestamp, Returned = _cluster.World.Now }));
        Recorder.Finish(new FinishedTransaction(result?.Transaction ?? TransactionId.None, transaction, [.. keys.Select(key => key.Key)], new Dictionary<string, Timestamp>(), default));
    }

    /// <summary>Moves money that is there. With a stamp it asks until it knows: however often that was, the money moved at most once.</summary>
    private async Task TransferRequestAsync()
    {
        var accounts = Enumerable.Range(0, Accounts).Select(Account).OrderBy(_ => _random.Next()).Take(2).ToList();
        var amount = 1 + _random.Next(30);
        var stamp = _random.Next(2) == 0 ? Recorder.NewStamp() : null;
        var request = new TransactRequest
        {
            Isolation = AnyLevel(),
            Checks = [Check(accounts[0], CheckKind.AtLeast) with { Bound = amount }, Check(accounts[1], CheckKind.Exists)],
            Writes = [Put(accounts[0], "") with { Increment = -amount }, Put(accounts[1], "") with { Increment = amount }],
            Idempotency = stamp,
        };
        var transaction = Recorder.Others.Begin(new ClientTransaction { Client = _process.Name, Isolation = IsolationLevel.Serializable, Invoked = _cluster.World.Now, Note = $"transfer {accounts[0]} to {accounts[1]}" });
        TransactResult? result = null;
        var isRepeated = false;
        for (var attempt = 1; attempt <= (stamp is null ? 1 : Attempts) && OutcomeOf(result) == OperationOutcome.Unknown; attempt++)
        {
            result = await TransactAsync(request);
            isRepeated = attempt > 1 || result?.Repeated is not null;
        }

        var outcome = OutcomeOf(result);
        if (outcome == OperationOutcome.Ok)
        {
            Succeeded++;
            if (result!.Increments is [var left, var there] && (left < 0 || there < amount))
                Recorder.Counted(new AccountsSeen(new Dictionary<string, long> { [accounts[0]] = left ?? 0 }, result.CommitTimestamp, "a transfer of what was not there"));
        }

        transaction = transaction with { Outcome = outcome, CommitTimestamp = outcome == OperationOutcome.Ok ? result!.CommitTimestamp : default, Returned = _cluster.World.Now };
        Recorder.Others.Update(transaction);

        // Of a refusal after other attempts nothing is known: one of those may have been carried out.
        if (!isRepeated)
            Recorder.Finish(new FinishedTransaction(result?.Transaction ?? TransactionId.None, transaction, accounts, new Dictionary<string, Timestamp>(), default));
    }

    private Task<TransactResult?> TransactAsync(TransactRequest request)
    {
        var node = AnyNode();
        return _cluster.Network.CallAsync(
            _process, node.Name, "one request", async () => await node.Transactions!.TransactAsync(request, TimeSpan.FromSeconds(2)), TimeSpan.FromMilliseconds(2300), mayRepeat: false);
    }

    private static OperationOutcome OutcomeOf(TransactResult? result) => result switch
    {
        { Failure: null, Committed: true } => OperationOutcome.Ok,
        { Failure: null } or { Failure.Outcome: Outcome.NotApplied } => OperationOutcome.NotApplied,
        _ => OperationOutcome.Unknown,
    };

    private List<(string Key, string Value)> AnyRegisters() =>
        [.. Enumerable.Range(0, 1 + _random.Next(3)).Select(_ => AnyRange().Key(_random.Next(_cluster.Profile.Keys))).Distinct().Select(key => (key, Recorder.NextValue()))];

    private static TransactCheck Check(string key, CheckKind kind) => new(DataKeyspace.Name, Encoding.UTF8.GetBytes(key), kind, default, default);

    private static TransactWrite Put(string key, string value) =>
        new(DataKeyspace.Name, new KeyWrite(Encoding.UTF8.GetBytes(key), WriteKind.Put, Encoding.UTF8.GetBytes(value), "", default, null), null);
}
