using System.Globalization;
using System.Text.Json;
using GrainDb.Histories.Isolation;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Faults.Transactions;

/// <summary>Looks at all accounts at one snapshot: by a scan, by an interactive transaction, or by one request that reads all keys.</summary>
internal sealed class CountingClient(TransactionLoad load, int number)
{
    private int _counts;

    /// <returns>Whether the node served it.</returns>
    public async Task<bool> CountAsync(int node, Random random)
    {
        var rows = (_counts++ % 3) switch
        {
            0 => Items(await load.SendAsync(HttpMethod.Get, node, $"kv/{TransactionLoad.Bank}?limit=1000")),
            1 => await InteractivelyAsync(node),
            _ => await InOneRequestAsync(node),
        };
        if (rows is null)
            return false;
        load.Counted.Enqueue(new AccountsSeen(rows, Timestamp.Zero, string.Create(CultureInfo.InvariantCulture, $"client {number}, count {_counts}, through node {node}")));
        return true;
    }

    private async Task<Dictionary<string, long>?> InteractivelyAsync(int node)
    {
        var begun = await load.SendAsync(HttpMethod.Post, node, "txn", """{"readOnly":true}""");
        if (!begun.IsDone)
            return null;
        var rows = Items(await load.SendAsync(HttpMethod.Get, node, $"txn/{begun.Text("id")}/kv/{TransactionLoad.Bank}?limit=1000"));
        await load.SendAsync(HttpMethod.Post, node, $"txn/{begun.Text("id")}/rollback");
        return rows;
    }

    private async Task<Dictionary<string, long>?> InOneRequestAsync(int node)
    {
        var reads = string.Join(',', load.Accounts.Select(account => $$"""{"keyspace":"{{TransactionLoad.Bank}}","key":"{{account}}"}"""));
        var answer = await load.SendAsync(HttpMethod.Post, node, "transact", $$"""{"reads":[{{reads}}]}""");
        return answer.IsDone
            ? load.Accounts.Zip(answer.Body.GetProperty("results").EnumerateArray()).Where(row => row.Second.GetProperty("found").GetBoolean()).ToDictionary(row => row.First, row => ToBalance(row.Second))
            : null;
    }

    private static Dictionary<string, long>? Items(Answer answer) => answer.IsDone
        ? answer.Body.GetProperty("items").EnumerateArray().ToDictionary(item => item.GetProperty("key").GetString()!, ToBalance)
        : null;

    private static long ToBalance(JsonElement row) => long.Parse(row.GetProperty("value").GetString()!, CultureInfo.InvariantCulture);
}
