using System.Globalization;
using GrainDb.Faults.Recording;
using GrainDb.Histories.Isolation;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Faults.Transactions;

/// <summary>Interactive transactions that read lists and put elements at their ends, half of them snapshot, half serializable.</summary>
internal sealed class ListClient(TransactionLoad load, int number)
{
    private const int MaxSteps = 4;
    private const int KeysPerRange = 2;

    /// <summary>After so long other lists take their turn: they stay short.</summary>
    private static readonly TimeSpan KeyTurn = TimeSpan.FromSeconds(3);

    private static long _elements;

    /// <returns>Whether the node served it.</returns>
    public async Task<bool> AppendAsync(int node, Random random)
    {
        var isSerializable = random.Next(2) == 0;
        var invoked = load.Clock.Now.Ticks;
        var begun = await load.SendAsync(HttpMethod.Post, node, "txn", isSerializable ? """{"isolation":"serializable"}""" : """{"isolation":"snapshot"}""");
        if (!begun.IsDone)
            return false;
        var id = begun.Text("id");
        var transaction = load.History.Begin(new ClientTransaction
        {
            Client = number.ToString(CultureInfo.InvariantCulture),
            Isolation = isSerializable ? IsolationLevel.Serializable : IsolationLevel.Snapshot,
            Invoked = invoked,
            Note = id,
        });
        var steps = new List<TransactionStep>();
        for (var count = random.Next(1, MaxSteps + 1); count > 0; count--)
        {
            if (!await StepAsync(node, id, steps, random))
            {
                // Nothing was sent that could commit it.
                load.History.Update(transaction with { Steps = steps, Outcome = Histories.OperationOutcome.NotApplied, Returned = load.Clock.Now.Ticks });
                return false;
            }
        }

        load.History.Update(transaction = transaction with { Steps = steps });
        var committed = await load.SendAsync(HttpMethod.Post, node, $"txn/{id}/commit");
        load.History.Update(await EndedAsync(transaction, id, node, committed) with { Returned = load.Clock.Now.Ticks });
        return committed.Outcome != OperationOutcome.Unknown;
    }

    private async Task<ClientTransaction> EndedAsync(ClientTransaction transaction, string id, int node, Answer committed)
    {
        if (committed.IsDone)
            return Committed(transaction, committed.Said.StartsWith('2') ? committed.Text("commitTimestamp") : null);
        if (committed.Outcome == OperationOutcome.NotApplied)
            return transaction with { Outcome = Histories.OperationOutcome.NotApplied };
        return await load.TellAsync(id, node + 1) switch
        {
            (true, var at) => Committed(transaction, at),
            (false, _) => transaction with { Outcome = Histories.OperationOutcome.NotApplied },
            null => transaction,
        };
    }

    private static ClientTransaction Committed(ClientTransaction transaction, string? at) => transaction with
    {
        Outcome = Histories.OperationOutcome.Ok,
        CommitTimestamp = at is not null && transaction.Steps.Any(step => step.Kind == StepKind.Append) && Timestamp.TryParse(at, out var timestamp) ? timestamp : Timestamp.Zero,
    };

    private async Task<bool> StepAsync(int node, string transaction, List<TransactionStep> steps, Random random)
    {
        var turn = (long)(load.Clock.Now / KeyTurn);
        var key = string.Create(CultureInfo.InvariantCulture, $"{random.Next(TransactionLoad.Ranges)}/{turn}/{random.Next(KeysPerRange)}");
        var path = $"txn/{transaction}/kv/{TransactionLoad.Lists}/{key}";
        var read = await load.SendAsync(HttpMethod.Get, node, path);
        if (!read.IsDone && read.Said != "404 key_not_found")
            return false;
        var text = read.IsDone ? read.Body.GetString()! : "";
        steps.Add(TransactionStep.ReadList(key, [.. text.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(element => long.Parse(element, CultureInfo.InvariantCulture))]));
        if (random.Next(3) == 0)
            return true;
        var appended = Interlocked.Increment(ref _elements);
        steps.Add(TransactionStep.Append(key, appended));
        return (await load.SendAsync(HttpMethod.Put, node, path, string.Create(CultureInfo.InvariantCulture, $"{text},{appended}"))).IsDone;
    }
}
