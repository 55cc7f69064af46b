using System.Globalization;
using GrainDb.Cluster.Tests.Faults;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Ranges;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Cluster.Tests.Transactions;

/// <summary>Money moves between accounts in three ranges while a node dies and comes back; it never becomes more or less.</summary>
public sealed class BankTests : IAsyncLifetime
{
    private const int Clients = 6;
    private const int Total = 600;

    private static readonly string[] Accounts = ["a", "b", "k", "l", "x", "y"];

    private readonly TestDirectory _directory = new();
    private readonly Network _network = new();
    private GrainDbCluster _cluster = null!;
    private TransactionClient _client = null!;
    private int _transfers;
    private volatile bool _stopped;

    public async ValueTask InitializeAsync()
    {
        _cluster = await GrainDbCluster.StartAsync(_directory, [1, 1, 1], new StorageOptions(), _network, buriesFast: true);
        _client = await TransactionClient.CreateAsync(_cluster, "bank");
        foreach (var account in Accounts)
            await _client.PutAsync(0, account, (Total / Accounts.Length).ToString(CultureInfo.InvariantCulture));
    }

    public async ValueTask DisposeAsync()
    {
        _network.Heal();
        await _cluster.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task The_total_stays_while_a_node_is_killed_and_comes_back()
    {
        var clients = Enumerable.Range(0, Clients).Select(client => TransferAsync(client, client % 2)).ToList();
        clients.Add(WatchAsync(0));
        await ProgressAsync(20);

        _cluster.Crash(2);
        await ProgressAsync(20);
        await _cluster.RestartAsync(2);
        clients.Add(WatchAsync(2));
        await ProgressAsync(20);

        _stopped = true;
        await Task.WhenAll(clients);
        await _cluster.UntilAsync(() => Task.FromResult(
            Enumerable.Range(0, 3).All(node => _cluster.Service<LocalRanges>(node).All.All(leader => leader.UndecidedTransactions == 0))));
        for (var node = 0; node < 3; node++)
            Assert.Equal(Total, Sum(await _client.ScanAsync(node, await _client.BeginAsync(node))));
    }

    private Task ProgressAsync(int transfers)
    {
        var target = Volatile.Read(ref _transfers) + transfers;
        return _cluster.UntilAsync(() => Task.FromResult(Volatile.Read(ref _transfers) >= target));
    }

    private async Task TransferAsync(int client, int node)
    {
        var random = new Random(client);
        while (!_stopped)
        {
            var (from, to) = (random.Next(Accounts.Length), random.Next(Accounts.Length - 1));
            to += to >= from ? 1 : 0;
            var amount = random.Next(1, 20);
            var result = await _client.TransactAsync(node, new TransactRequest { Writes = [_client.Increment(Accounts[from], -amount), _client.Increment(Accounts[to], amount)] });
            if (result.Failure is null)
                Interlocked.Increment(ref _transfers);
            else
                Assert.True(result.Failure.Retryable || result.Failure.Outcome is Outcome.Unknown or Outcome.Applied, result.Failure.ToString());
        }
    }

    /// <summary>Every snapshot that can be read has all the money.</summary>
    private async Task WatchAsync(int node)
    {
        while (!_stopped)
        {
            var page = await _cluster.Keys(node).ScanAsync(
                "bank", new Interfaces.Keys.ScanQuery(default, null, default, 100, Reverse: false, KeysOnly: false, null), default, GrainDbCluster.Timeout, CancellationToken.None);
            if (page.Failure is null)
                Assert.Equal(Total, page.Items.Sum(item => int.Parse(System.Text.Encoding.UTF8.GetString(item.Value.Span), CultureInfo.InvariantCulture)));
        }
    }

    private static int Sum(IReadOnlyList<string> rows) => rows.Sum(row => int.Parse(row[(row.IndexOf('=', StringComparison.Ordinal) + 1)..], CultureInfo.InvariantCulture));
}
