using GrainDb.Faults.Clusters;
using GrainDb.Faults.Transactions;
using Xunit;

namespace GrainDb.Faults.Scenarios;

/// <summary>
/// Two doctors are on call, in ranges of their own; each goes home if the other one is there, both at once, through different nodes. Nobody does harm: this is what
/// the two isolation levels promise, over HTTP.
/// </summary>
public sealed class WriteSkewTests : IDisposable
{
    private const int Tries = 1_000;
    private const int AtOnce = 8;
    private const string OnCall = "on call";
    private const string AtHome = "at home";

    private readonly TransactionCalls _calls = new();

    [Fact]
    public async Task Snapshots_skew_and_serializable_transactions_never_do()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var cluster = await FaultCluster.StartAsync(FaultRun.Nodes, new LoopbackNetwork(), prepare: null, cancellationToken);

        var snapshot = await TryAsync(cluster, "snapshot", cancellationToken);
        var serializable = await TryAsync(cluster, "serializable", cancellationToken);

        Report.Say($"write skew in {Tries} tries: snapshot {snapshot.Skewed}, serializable {serializable.Skewed}; somebody went home in {snapshot.Gone} and {serializable.Gone}");
        Assert.InRange(snapshot.Skewed, 1, Tries);
        Assert.Equal(0, serializable.Skewed);

        // That nobody is alone must not come from nobody having gone.
        Assert.InRange(serializable.Gone, Tries / 2, Tries);
    }

    public void Dispose() => _calls.Dispose();

    /// <returns>In how many tries both went home, and in how many one or both did.</returns>
    private async Task<(int Skewed, int Gone)> TryAsync(FaultCluster cluster, string isolation, CancellationToken cancellationToken)
    {
        var (skewed, gone) = (0, 0);
        await Parallel.ForEachAsync(Enumerable.Range(0, Tries), new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken }, async (number, token) =>
        {
            var (one, other) = ($"{FaultCluster.RangePrefix(0)}{isolation}-{number}", $"{FaultCluster.RangePrefix(1)}{isolation}-{number}");
            var nodes = Enumerable.Range(number, FaultRun.Nodes).Select(node => cluster.Nodes[node % FaultRun.Nodes]).ToList();
            await PutAsync(nodes[0], $"kv/{FaultCluster.Keyspace}/{one}", OnCall, token);
            await PutAsync(nodes[0], $"kv/{FaultCluster.Keyspace}/{other}", OnCall, token);

            var (ofOne, ofOther) = (await BeginAsync(nodes[0], isolation, token), await BeginAsync(nodes[1], isolation, token));
            Assert.Equal([OnCall, OnCall], await Task.WhenAll(ReadAsync(nodes[0], $"txn/{ofOne}/kv", other, token), ReadAsync(nodes[1], $"txn/{ofOther}/kv", one, token)));
            await PutAsync(nodes[0], $"txn/{ofOne}/kv/{FaultCluster.Keyspace}/{one}", AtHome, token);
            await PutAsync(nodes[1], $"txn/{ofOther}/kv/{FaultCluster.Keyspace}/{other}", AtHome, token);
            var committed = await Task.WhenAll(CommitAsync(nodes[0], ofOne, token), CommitAsync(nodes[1], ofOther, token));

            // What was answered is what stands there.
            var seen = await Task.WhenAll(ReadAsync(nodes[2], "kv", one, token), ReadAsync(nodes[2], "kv", other, token));
            Assert.Equal(committed.Select(gone => gone ? AtHome : OnCall), seen);
            if (committed[0] || committed[1])
                Interlocked.Increment(ref gone);
            if (committed[0] && committed[1])
                Interlocked.Increment(ref skewed);
        });
        return (skewed, gone);
    }

    private async Task PutAsync(ClusterNode node, string path, string value, CancellationToken cancellationToken) =>
        Require(await _calls.SendAsync(HttpMethod.Put, node, path, value, idempotencyKey: null, cancellationToken));

    private async Task<string> BeginAsync(ClusterNode node, string isolation, CancellationToken cancellationToken) =>
        Require(await _calls.SendAsync(HttpMethod.Post, node, "txn", $$"""{"isolation":"{{isolation}}"}""", idempotencyKey: null, cancellationToken)).Text("id");

    private async Task<string> ReadAsync(ClusterNode node, string root, string key, CancellationToken cancellationToken) =>
        Require(await _calls.SendAsync(HttpMethod.Get, node, $"{root}/{FaultCluster.Keyspace}/{key}", cancellationToken)).Body.GetString()!;

    /// <returns>False: refused because of the other one.</returns>
    private async Task<bool> CommitAsync(ClusterNode node, string transaction, CancellationToken cancellationToken)
    {
        var answer = await _calls.SendAsync(HttpMethod.Post, node, $"txn/{transaction}/commit", cancellationToken);
        return answer.Said != "409 txn_conflict" && Require(answer).IsDone;
    }

    private static Answer Require(Answer answer) => answer.IsDone ? answer : throw new InvalidOperationException($"{answer.Said}: {answer.Body}");
}
