using System.Text;
using System.Text.Json;
using GrainDb.LoadTool.Batches;
using GrainDb.LoadTool.Http;

namespace GrainDb.LoadTool.Transfers;

/// <summary>What the accounts have all together, at one snapshot.</summary>
/// <param name="Accounts">How many there are.</param>
/// <param name="Sum">Of their balances.</param>
/// <param name="Overdrawn">How many have less than nothing.</param>
internal readonly record struct AccountsTotal(int Accounts, long Sum, int Overdrawn);

/// <summary>The accounts of the transfers: set up before a run, added up after it. Whatever became of single transfers, the sum must be what it was.</summary>
/// <param name="keyspace">A keyspace of their own, cut into two ranges.</param>
/// <param name="count">How many accounts; even.</param>
internal sealed class TransferAccounts(string keyspace, int count)
{
    /// <summary>What every account has at first.</summary>
    public const long InitialBalance = 1_000;

    private const int PageRows = 10_000;

    /// <summary>What all of them have together.</summary>
    public long ExpectedSum => count * InitialBalance;

    /// <summary>Creates the keyspace, unless it is there, and gives every account its first balance.</summary>
    /// <exception cref="InvalidDataException">The server does not let it.</exception>
    public async Task SetUpAsync(HttpClientSession session, CancellationToken cancellationToken)
    {
        var keyspaceBody = Encoding.ASCII.GetBytes($$"""{"splitKeys":["{{AccountFormat.SplitKey}}"]}""");
        var created = await PatientClient.SendAsync(session, RequestText.WithBody("PUT", $"/v1/keyspaces/{keyspace}", "application/json", keyspaceBody), cancellationToken);
        if (created is not null || session.Response.Status is not (200 or 201))
            throw new InvalidDataException($"keyspace {keyspace} could not be created for the accounts: {created ?? Problem.Read(session.Response).Code}");
        for (var from = 0; from < count; from += BatchRequest.MaxOperations)
        {
            using var batch = new BatchRequest(keyspace);
            for (var account = from; account < Math.Min(count, from + BatchRequest.MaxOperations); account++)
                batch.Put(AccountFormat.Text(account), Encoding.ASCII.GetBytes($"{InitialBalance}"), "text/plain; charset=utf-8");
            var written = batch.Count;
            var failure = await PatientClient.SendAsync(session, batch.ToRequest(), cancellationToken) ?? BatchRequest.FirstFailure(session.Response, written);
            if (failure is not null)
                throw new InvalidDataException($"the accounts could not be set up: {failure}");
        }
    }

    /// <summary>Adds all accounts up, at one snapshot.</summary>
    /// <exception cref="InvalidDataException">They cannot be read.</exception>
    public async Task<AccountsTotal> AddUpAsync(HttpClientSession session, CancellationToken cancellationToken)
    {
        var total = default(AccountsTotal);
        string? cursor = null;
        do
        {
            var path = $"/v1/kv/{keyspace}?limit={PageRows}{(cursor is null ? "" : $"&cursor={cursor}")}";
            var error = await PatientClient.SendAsync(session, RequestText.Get(path), cancellationToken);
            if (error is not null || session.Response.Status != 200)
                throw new InvalidDataException($"the accounts could not be read: {error ?? Problem.Read(session.Response).Code}");
            (total, cursor) = Add(total, session.Response.Body);
        }
        while (cursor is not null);

        return total;
    }

    private (AccountsTotal Total, string? Cursor) Add(AccountsTotal total, ReadOnlySpan<byte> body)
    {
        var reader = new Utf8JsonReader(body);
        using var document = JsonDocument.ParseValue(ref reader);
        foreach (var item in document.RootElement.GetProperty("items").EnumerateArray())
        {
            // An earlier run may have had more accounts.
            if (!AccountFormat.TryRead(Encoding.UTF8.GetBytes(item.GetProperty("key").GetString()!), out var account) || account >= count)
                continue;
            if (!long.TryParse(item.GetProperty("value").GetString(), out var balance))
                throw new InvalidDataException($"account {AccountFormat.Text(account)} has no balance that is a number");
            total = new(total.Accounts + 1, total.Sum + balance, total.Overdrawn + (balance < 0 ? 1 : 0));
        }

        return (total, document.RootElement.TryGetProperty("cursor", out var cursor) ? cursor.GetString() : null);
    }
}
