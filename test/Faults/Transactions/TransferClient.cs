using System.Globalization;
using System.Text.Json;
using GrainDb.Faults.Recording;

namespace GrainDb.Faults.Transactions;

/// <summary>Transfers money between two accounts, alternately by an interactive transaction and by one request that is repeated under its key until its outcome is known.</summary>
internal sealed class TransferClient(TransactionLoad load, int number)
{
    private int _transfers;

    /// <returns>Whether the node served it.</returns>
    public Task<bool> TransferAsync(int node, Random random)
    {
        var (from, to) = (random.Next(load.Accounts.Count), random.Next(load.Accounts.Count - 1));
        to += to >= from ? 1 : 0;
        return _transfers++ % 2 == 0
            ? InteractivelyAsync(node, load.Accounts[from], load.Accounts[to], random.Next(1, 50))
            : InOneRequestAsync(node, load.Accounts[from], load.Accounts[to], random.Next(1, 50));
    }

    private async Task<bool> InteractivelyAsync(int node, string from, string to, int amount)
    {
        var begun = await load.SendAsync(HttpMethod.Post, node, "txn", """{"isolation":"snapshot"}""");
        if (!begun.IsDone)
            return false;
        var transaction = begun.Text("id");
        var (source, target) = (await ReadAsync(node, transaction, from), await ReadAsync(node, transaction, to));
        if (source is null || target is null)
            return false;
        if (source < amount)
            return (await load.SendAsync(HttpMethod.Post, node, $"txn/{transaction}/rollback")).IsDone;
        if (!await WriteAsync(node, transaction, from, source.Value - amount) || !await WriteAsync(node, transaction, to, target.Value + amount))
            return false;
        var committed = await load.SendAsync(HttpMethod.Post, node, $"txn/{transaction}/commit");
        if (committed.Outcome == OperationOutcome.Unknown)
            await load.TellAsync(transaction, node + 1);
        return committed.Outcome != OperationOutcome.Unknown;
    }

    private async Task<bool> InOneRequestAsync(int node, string from, string to, int amount)
    {
        var read = await load.SendAsync(HttpMethod.Get, node, $"kv/{TransactionLoad.Bank}/{from}");
        if (!read.IsDone)
            return false;
        var balance = ToBalance(read);
        if (balance < amount)
            return true;
        var body = $$$"""
            {"checks":[{"keyspace":"{{{TransactionLoad.Bank}}}","key":"{{{from}}}","value":"{{{balance}}}"}],
             "writes":[{"increment":{"keyspace":"{{{TransactionLoad.Bank}}}","key":"{{{from}}}","by":{{{-amount}}}}},{"increment":{"keyspace":"{{{TransactionLoad.Bank}}}","key":"{{{to}}}","by":{{{amount}}}}}]}
            """;
        var key = string.Create(CultureInfo.InvariantCulture, $"transfer-{number}-{_transfers}");
        var since = load.Clock.Now;
        var answer = await load.SendAsync(HttpMethod.Post, node, "transact", body, key);
        var isServed = answer.Outcome != OperationOutcome.Unknown;
        while (answer.Outcome == OperationOutcome.Unknown && load.Clock.Now - since < 2 * TransactionLoad.ToldWithin)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50)); // between two questions to other processes
            answer = await load.SendAsync(HttpMethod.Post, ++node, "transact", body, key);
        }

        if (!isServed)
            load.NoteUnknown(since);
        return isServed;
    }

    private async Task<long?> ReadAsync(int node, string transaction, string account)
    {
        var answer = await load.SendAsync(HttpMethod.Get, node, $"txn/{transaction}/kv/{TransactionLoad.Bank}/{account}");
        return answer.IsDone ? ToBalance(answer) : null;
    }

    private async Task<bool> WriteAsync(int node, string transaction, string account, long balance) =>
        (await load.SendAsync(HttpMethod.Put, node, $"txn/{transaction}/kv/{TransactionLoad.Bank}/{account}", balance.ToString(CultureInfo.InvariantCulture))).IsDone;

    private static long ToBalance(Answer answer) => answer.Body.ValueKind == JsonValueKind.String ? long.Parse(answer.Body.GetString()!, CultureInfo.InvariantCulture) : answer.Body.GetInt64();
}
