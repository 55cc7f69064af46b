using System.Text;
using GrainDb.Cluster.Tests.Faults;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Grains.Hosting;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Cluster.Tests.Transactions;

/// <summary>One idempotency key, ten times at once over all nodes, and ten times more after the leader that carried it out was killed: one effect, equal answers.</summary>
public sealed class RepeatedRequestTests : IAsyncLifetime
{
    private const int Times = 10;

    private readonly TestDirectory _directory = new();
    private readonly Network _network = new();
    private GrainDbCluster _cluster = null!;
    private TransactionClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await GrainDbCluster.StartAsync(_directory, [1, 1, 1], new StorageOptions(), _network, buriesFast: true);
        _client = await TransactionClient.CreateAsync(_cluster, "repeated");
    }

    public async ValueTask DisposeAsync()
    {
        _network.Heal();
        await _cluster.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public Task Of_a_write() => AssertOneEffectAsync("a", async node =>
    {
        var write = new KeyWrite("a"u8.ToArray(), WriteKind.Put, "1"u8.ToArray(), "", default, null);
        var result = await _cluster.Keys(node).WriteAsync(
            "repeated", write, new WriteOptions(WriteLevel.Quorum, new IdempotencyStamp("write", 1, default)), GrainDbCluster.Timeout, CancellationToken.None);
        Assert.Null(result.Failure);
        return (result.Version, result.Existed.ToString());
    });

    [Theory]
    [InlineData("a", "b")]
    [InlineData("a", "x")]
    public Task Of_a_transaction_in_one_range_and_over_several(string first, string second) => AssertOneEffectAsync(first, async node =>
    {
        var result = await _client.TransactAsync(node, new TransactRequest
        {
            Reads = [_client.Read(second)],
            Writes = [_client.Increment(first, 1), _client.Increment(second, 1)],
            Idempotency = new IdempotencyStamp("transact", 1, default),
        });
        Assert.Null(result.Failure);
        var seen = result.Reads[0].Item is { } item ? Encoding.UTF8.GetString(item.Value.Span) : "nothing";
        return (result.CommitTimestamp, $"{seen} {string.Join(",", result.Increments)}");
    });

    private async Task AssertOneEffectAsync(string key, Func<int, Task<(Timestamp, string)>> send)
    {
        var first = await Task.WhenAll(Enumerable.Range(0, Times).Select(time => send(time % 3)));
        Assert.Single(first.Distinct());

        var leader = int.Parse((await _client.LeaderOfAsync(key))["Silo_".Length..], System.Globalization.CultureInfo.InvariantCulture);
        _cluster.Crash(leader);
        int[] left = [.. Enumerable.Range(0, 3).Where(node => node != leader)];
        await _cluster.UntilAsync(async () => (await _cluster.GetAsync(left[0], "repeated", key)).Failure is null);
        var again = await Task.WhenAll(Enumerable.Range(0, Times).Select(time => send(left[time % 2])));

        Assert.Single(first.Concat(again).Distinct());
        Assert.Equal("1", await _client.GetAsync(left[0], key));
        Assert.Single((await _cluster.Keys(left[0]).HistoryAsync("repeated", Encoding.UTF8.GetBytes(key), GrainDbCluster.Timeout, CancellationToken.None)).Versions);
    }
}
