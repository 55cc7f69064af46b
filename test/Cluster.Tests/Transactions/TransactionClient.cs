using System.Text;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Cluster.Tests.Transactions;

/// <summary>Transactions as a client has them, with text for keys and values, in a keyspace of three ranges that are cut at h and p.</summary>
internal sealed class TransactionClient(GrainDbCluster cluster, string keyspace)
{
    public string Keyspace => keyspace;

    public static async Task<TransactionClient> CreateAsync(GrainDbCluster cluster, string keyspace)
    {
        await cluster.Keyspaces(0).CreateAsync(
            new KeyspaceDescriptor { Name = keyspace, Partitions = 3, SplitKeys = ["h"u8.ToArray(), "p"u8.ToArray()] }, CancellationToken.None);
        return new TransactionClient(cluster, keyspace);
    }

    public async Task<TransactionId> BeginAsync(int node, IsolationLevel isolation = IsolationLevel.Snapshot, bool readOnly = false, Timestamp asOf = default)
    {
        var begun = await cluster.Transactions(node).BeginAsync(
            new TransactionOptions(isolation, readOnly, asOf, TransactionLimits.DefaultDuration), GrainDbCluster.Timeout, CancellationToken.None);
        Assert.Null(begun.Failure);
        return begun.Id;
    }

    /// <summary>The value, or null where there is none.</summary>
    public async Task<string?> ReadAsync(int node, TransactionId transaction, string key)
    {
        var read = await cluster.Transactions(node).ReadAsync(transaction, keyspace, Encoding.UTF8.GetBytes(key), GrainDbCluster.Timeout, CancellationToken.None);
        Assert.Null(read.Failure);
        return read.Found ? Encoding.UTF8.GetString(read.Value.Span) : null;
    }

    public async Task<IReadOnlyList<string>> ScanAsync(int node, TransactionId transaction)
    {
        var page = await cluster.Transactions(node).ScanAsync(
            transaction, keyspace, new ScanQuery(default, null, default, 1000, Reverse: false, KeysOnly: false, null), GrainDbCluster.Timeout, CancellationToken.None);
        Assert.Null(page.Failure);
        return [.. page.Items.Select(item => $"{Encoding.UTF8.GetString(item.Key.Span)}={Encoding.UTF8.GetString(item.Value.Span)}")];
    }

    public async Task WriteAsync(int node, TransactionId transaction, string key, string value) =>
        Assert.Null(await cluster.Transactions(node).WriteAsync(transaction, keyspace, Put(key, value), GrainDbCluster.Timeout, CancellationToken.None));

    public Task<CommitResult> CommitAsync(int node, TransactionId transaction) =>
        cluster.Transactions(node).CommitAsync(transaction, null, GrainDbCluster.Timeout, CancellationToken.None);

    public Task<TransactionView?> FindAsync(int node, TransactionId transaction) =>
        cluster.Transactions(node).FindAsync(transaction, GrainDbCluster.Timeout, CancellationToken.None);

    public async Task<TransactResult> TransactAsync(int node, TransactRequest request) =>
        await cluster.Transactions(node).TransactAsync(request, GrainDbCluster.Timeout, CancellationToken.None);

    public Task PutAsync(int node, string key, string value) => cluster.PutAsync(node, keyspace, key, value);

    /// <summary>The present value outside of transactions.</summary>
    public async Task<string?> GetAsync(int node, string key, Timestamp asOf = default)
    {
        var read = await cluster.GetAsync(node, keyspace, key, asOf);
        Assert.Null(read.Failure);
        return read.Found ? Encoding.UTF8.GetString(read.Value.Span) : null;
    }

    /// <summary>The node that leads the range of a key.</summary>
    public async Task<string> LeaderOfAsync(string key)
    {
        var location = await cluster.View(0).LocateAsync(keyspace, Encoding.UTF8.GetBytes(key), 3, CancellationToken.None);
        return (await cluster.View(0).GetRangeAsync(new RangeId(location.Range), CancellationToken.None)).Leader ?? "nobody";
    }

    public TransactWrite Write(string key, string value) => new(keyspace, Put(key, value), null);

    public TransactWrite Increment(string key, long by) => new(keyspace, Put(key, ""), by);

    public TransactRead Read(string key) => new(keyspace, Encoding.UTF8.GetBytes(key), IsScan: false, null, 0);

    public TransactCheck Check(string key, CheckKind kind, string value = "") => new(keyspace, Encoding.UTF8.GetBytes(key), kind, default, Encoding.UTF8.GetBytes(value));

    private static KeyWrite Put(string key, string value) => new(Encoding.UTF8.GetBytes(key), WriteKind.Put, Encoding.UTF8.GetBytes(value), "text/plain", default, null);
}
