#!/usr/bin/env -S dotnet run
#:property PublishAot=false
#:property Nullable=enable

// A bank over GrainDb's HTTP API: accounts in two ranges, clients that transfer at the same time, and an auditor who adds all accounts up again
// and again. Half of the clients use interactive transactions, half one request per transfer. Whatever meets whatever, no money appears or gets lost.
//
//     dotnet run bank.cs [--url http://localhost:8080] [--accounts 20] [--clients 8] [--seconds 5]
//
// Exit code 0: every sum was right, and both kinds of transfers got through. 1: not so.

using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

var url = new Uri(Option("--url", "http://localhost:8080"));
var accounts = Math.Clamp(int.Parse(Option("--accounts", "20"), CultureInfo.InvariantCulture), 2, 1_000);
var clients = Math.Clamp(int.Parse(Option("--clients", "8"), CultureInfo.InvariantCulture), 2, 256);
var seconds = Math.Clamp(int.Parse(Option("--seconds", "5"), CultureInfo.InvariantCulture), 1, 600);
const int Initial = 1_000;

using var http = new HttpClient { BaseAddress = url, Timeout = TimeSpan.FromSeconds(60) };
var bank = new Bank(http, accounts);
await bank.OpenAsync(Initial);

using var closing = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
var interactive = new Tally();
var oneRequest = new Tally();
var audits = new Tally();
var work = Enumerable.Range(0, clients).Select(client => TransferUntilClosedAsync(
    client % 2 == 0 ? bank.TransferInteractivelyAsync : bank.TransferInOneRequestAsync, client % 2 == 0 ? interactive : oneRequest)).ToList();
work.Add(AuditUntilClosedAsync());
await Task.WhenAll(work);

var total = await bank.AddUpAsync();
Console.WriteLine($"interactive: {interactive}");
Console.WriteLine($"one request: {oneRequest}");
Console.WriteLine($"audits:      {audits.Done} at snapshots of their own, {audits.Wrong} with a wrong sum");
Console.WriteLine($"in the end {accounts} accounts have {total} of {accounts * Initial}");
var isKept = total == accounts * Initial && audits.Wrong == 0;
var isProved = interactive.Done > 0 && oneRequest.Done > 0 && audits.Done > 0;
Console.WriteLine(!isKept ? "MONEY WAS MADE OR LOST" : isProved ? "no money was made or lost" : "nothing is proved: not every kind of transaction got through");
return isKept && isProved ? 0 : 1;

async Task TransferUntilClosedAsync(Func<int, int, int, Tally, Task> transfer, Tally tally)
{
    while (!closing.IsCancellationRequested)
    {
        var (from, to) = (Random.Shared.Next(accounts), Random.Shared.Next(accounts - 1));
        await transfer(from, to >= from ? to + 1 : to, Random.Shared.Next(1, 50), tally);
    }
}

async Task AuditUntilClosedAsync()
{
    while (!closing.IsCancellationRequested)
    {
        audits.Count(ref audits.Done);
        if (await bank.AddUpAsync() != accounts * Initial)
            audits.Count(ref audits.Wrong);
    }
}

string Option(string name, string otherwise) => Array.IndexOf(args, name) is >= 0 and var at && at + 1 < args.Length ? args[at + 1] : otherwise;

/// <summary>Accounts under <c>accounts/</c> of a keyspace that is cut in their middle, so that about half of the transfers have keys in two ranges.</summary>
internal sealed class Bank(HttpClient http, int accounts)
{
    private const string Keyspace = "bank";
    private const int MaxAttempts = 1_000;

    /// <summary>A key has three digits.</summary>
    private const int MaxAccounts = 1_000;

    public async Task OpenAsync(int initial)
    {
        var created = await SendAsync(HttpMethod.Put, $"/v1/keyspaces/{Keyspace}", $$"""{"splitKeys":["{{Key(MaxAccounts / 2)}}"]}""");
        created.Require(200, 201);
        var puts = Enumerable.Range(0, accounts).Select(account => $$$"""{"put":{"keyspace":"{{{Keyspace}}}","key":"{{{KeyOf(account)}}}","value":"{{{initial}}}"}}""");
        (await SendAsync(HttpMethod.Post, "/v1/transact", $$"""{"writes":[{{string.Join(',', puts)}}]}""")).Require(200);
    }

    /// <summary>The retry loop: a transaction that certainly was not applied is run again as a whole; one whose outcome is unknown is asked for.</summary>
    public async Task TransferInteractivelyAsync(int from, int to, int amount, Tally tally)
    {
        for (var attempt = 0; attempt < MaxAttempts; attempt++, await Task.Delay(Random.Shared.Next(1, 20)))
        {
            var begun = await SendAsync(HttpMethod.Post, "/v1/txn");
            if (begun.Status != 201)
                continue;
            var transaction = $"/v1/txn/{begun.Body.GetProperty("id").GetString()}";
            var (source, target) = (await ReadAsync(transaction, from), await ReadAsync(transaction, to));
            if (source is null || target is null)
                continue;
            if (source < amount)
            {
                await SendAsync(HttpMethod.Post, $"{transaction}/rollback");
                tally.Count(ref tally.Refused);
                return;
            }

            if (!await WriteAsync(transaction, from, source.Value - amount) || !await WriteAsync(transaction, to, target.Value + amount))
                continue;
            var committed = await SendAsync(HttpMethod.Post, $"{transaction}/commit");
            if (committed.Status == 200 || (committed.IsUnknown && await WasCommittedAsync(transaction)))
            {
                tally.Count(ref tally.Done);
                return;
            }

            tally.Count(ref tally.Conflicts);
        }

        tally.Count(ref tally.GivenUp);
    }

    /// <summary>One request carries the whole transfer. The same Idempotency-Key makes every repetition of it one: an unknown outcome is no problem then.</summary>
    public async Task TransferInOneRequestAsync(int from, int to, int amount, Tally tally)
    {
        for (var attempt = 0; attempt < MaxAttempts; attempt++, await Task.Delay(Random.Shared.Next(1, 20)))
        {
            var read = await SendAsync(HttpMethod.Get, $"/v1/kv/{Keyspace}/{KeyOf(from)}");
            if (read.Status != 200)
                continue;
            var balance = read.Body.GetInt32();
            if (balance < amount)
            {
                tally.Count(ref tally.Refused);
                return;
            }

            var transfer = $$$"""
                {"checks":[{"keyspace":"{{{Keyspace}}}","key":"{{{KeyOf(from)}}}","value":"{{{balance}}}"}],
                 "writes":[{"increment":{"keyspace":"{{{Keyspace}}}","key":"{{{KeyOf(from)}}}","by":{{{-amount}}}}},{"increment":{"keyspace":"{{{Keyspace}}}","key":"{{{KeyOf(to)}}}","by":{{{amount}}}}}]}
                """;
            var key = Guid.NewGuid().ToString();
            var answer = await SendAsync(HttpMethod.Post, "/v1/transact", transfer, key);
            for (var again = 0; again < MaxAttempts && answer.MayBeRepeated; again++, await Task.Delay(Random.Shared.Next(1, 20)))
                answer = await SendAsync(HttpMethod.Post, "/v1/transact", transfer, key);
            if (answer.Status == 200 && answer.Body.GetProperty("committed").GetBoolean())
            {
                tally.Count(ref tally.Done);
                return;
            }

            // The balance is another by now, or the transaction met too many others: read again.
            tally.Count(ref tally.Conflicts);
        }

        tally.Count(ref tally.GivenUp);
    }

    /// <summary>All accounts at one snapshot, in a read-only transaction: it waits for nobody and conflicts with nobody.</summary>
    public async Task<long> AddUpAsync()
    {
        for (var attempt = 0; attempt < MaxAttempts; attempt++, await Task.Delay(20))
        {
            var begun = await SendAsync(HttpMethod.Post, "/v1/txn", """{"readOnly":true}""");
            if (begun.Status != 201)
                continue;
            var transaction = $"/v1/txn/{begun.Body.GetProperty("id").GetString()}";
            var page = await SendAsync(HttpMethod.Get, $"{transaction}/kv/{Keyspace}?prefix=accounts/&limit={MaxAccounts}");
            await SendAsync(HttpMethod.Post, $"{transaction}/rollback");
            if (page.Status != 200)
                continue;
            // An earlier run may have had more accounts.
            var ours = Enumerable.Range(0, accounts).Select(KeyOf).ToHashSet();
            return page.Body.GetProperty("items").EnumerateArray()
                .Where(item => ours.Contains(item.GetProperty("key").GetString()!))
                .Sum(item => long.Parse(item.GetProperty("value").GetString()!, CultureInfo.InvariantCulture));
        }

        throw new InvalidOperationException("the accounts cannot be read");
    }

    private static string Key(int number) => $"accounts/{number:D3}";

    /// <summary>Spread over both ranges, however many accounts there are.</summary>
    private string KeyOf(int account) => Key(account * MaxAccounts / accounts);

    private async Task<int?> ReadAsync(string transaction, int account)
    {
        var read = await SendAsync(HttpMethod.Get, $"{transaction}/kv/{Keyspace}/{KeyOf(account)}");
        return read.Status == 200 ? read.Body.GetInt32() : null;
    }

    private async Task<bool> WriteAsync(string transaction, int account, int balance) =>
        (await SendAsync(HttpMethod.Put, $"{transaction}/kv/{Keyspace}/{KeyOf(account)}", $"{balance}", mediaType: "text/plain")).Status == 204;

    private async Task<bool> WasCommittedAsync(string transaction)
    {
        for (var attempt = 0; attempt < MaxAttempts; attempt++, await Task.Delay(100))
        {
            var found = await SendAsync(HttpMethod.Get, transaction);
            // Nobody remembers it, and after so short a time nobody could have forgotten a commit.
            if (found.Status == 404)
                return false;
            if (found.Status == 200 && found.Body.GetProperty("status").GetString() is "committed")
                return true;
            if (found.Status == 200 && found.Body.GetProperty("status").GetString() is "aborted")
                return false;
        }

        throw new InvalidOperationException($"nobody can say what became of {transaction}");
    }

    private async Task<Answer> SendAsync(HttpMethod method, string path, string? body = null, string? idempotencyKey = null, string mediaType = "application/json")
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
            request.Content = new StringContent(body, Encoding.UTF8, new MediaTypeHeaderValue(mediaType));
        if (idempotencyKey is not null)
            request.Headers.Add("Idempotency-Key", idempotencyKey);
        try
        {
            using var response = await http.SendAsync(request);
            var text = await response.Content.ReadAsStringAsync();
            return new Answer((int)response.StatusCode, text.Length == 0 ? default : JsonDocument.Parse(text).RootElement);
        }
        catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException)
        {
            return new Answer(0, default);
        }
    }
}

/// <summary>What the server said; status 0 when it said nothing.</summary>
internal readonly record struct Answer(int Status, JsonElement Body)
{
    private string? Code => Body.ValueKind == JsonValueKind.Object && Body.TryGetProperty("code", out var code) ? code.GetString() : null;

    public bool IsUnknown => Status is 0 or 500 or 504;

    /// <summary>The same request with the same key: what it did is done once.</summary>
    public bool MayBeRepeated => IsUnknown || Status is 429 or 503 || Code is "txn_conflict" or "idempotency_in_progress";

    public void Require(params int[] statuses)
    {
        if (!statuses.Contains(Status))
            throw new InvalidOperationException($"status {Status}: {Body}");
    }
}

/// <summary>What became of the transactions of one kind.</summary>
internal sealed class Tally
{
    public int Done;
    public int Conflicts;
    public int Refused;
    public int GivenUp;
    public int Wrong;

    public void Count(ref int what) => Interlocked.Increment(ref what);

    public override string ToString() => $"{Done} transfers, {Conflicts} run again, {Refused} not covered by the balance, {GivenUp} given up";
}
