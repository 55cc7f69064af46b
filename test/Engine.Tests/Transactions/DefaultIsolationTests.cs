using System.Text;
using GrainDb.Engine.Tests.Transactions.Model;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Transactions;

/// <summary>A transaction that names no isolation gets the strictest that a keyspace which it touches has as its default.</summary>
public sealed class DefaultIsolationTests
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    private readonly ModelCluster _cluster = new(seed: 1);
    private readonly ModelNode _node;

    public DefaultIsolationTests() => _node = _cluster.NewNode("c");

    [Theory]
    [InlineData(null, "ordered", "ordered", false)]
    [InlineData(null, "strict", "ordered", true)]
    [InlineData(null, "ordered", "strict", true)]
    [InlineData(IsolationLevel.Snapshot, "strict", "strict", false)]
    [InlineData(IsolationLevel.Serializable, "ordered", "ordered", true)]
    public void What_was_read_is_validated_where_any_keyspace_wants_it(IsolationLevel? isolation, string read, string written, bool isValidated)
    {
        _cluster.Put(read, "read", "1");
        var one = _node.Begin(isolation);
        Run(() => one.ReadAsync(read, "read"u8.ToArray(), Timeout, default).AsTask());
        _cluster.Put(read, "read", "2");
        Assert.Null(Run(() => one.WriteAsync(written, ObservedTransaction.Put("written", "1", default), Timeout, default).AsTask()));

        var result = Run(() => one.CommitAsync(null, Timeout, default));

        Assert.Equal(isValidated ? ErrorCode.TransactionConflict : (ErrorCode?)null, result.Failure?.Code);
    }

    [Theory]
    [InlineData(null, "strict", true)]
    [InlineData(null, "ordered", false)]
    [InlineData(IsolationLevel.Snapshot, "strict", false)]
    public void A_scan_counts_as_read(IsolationLevel? isolation, string scanned, bool isValidated)
    {
        var one = _node.Begin(isolation);
        var query = new ScanQuery("m"u8.ToArray(), "n"u8.ToArray(), Timestamp.Zero, 10, Reverse: false, KeysOnly: false, null);
        Assert.Empty(Run(() => one.ScanAsync(scanned, query, Timeout, default).AsTask()).Items);
        _cluster.Put(scanned, "m5", "1");
        Run(() => one.WriteAsync("ordered", ObservedTransaction.Put("a", "1", default), Timeout, default).AsTask());

        Assert.Equal(isValidated, Run(() => one.CommitAsync(null, Timeout, default)).Failure is not null);
    }

    [Fact]
    public void In_one_request_too()
    {
        // What it reads changes while it is on its way: evaluated again, it has read the newest.
        var request = new TransactRequest
        {
            Reads = [new TransactRead("strict", "read"u8.ToArray(), IsScan: false, null, 0)],
            Writes = [new TransactWrite("ordered", ObservedTransaction.Put("a", "1", default), null)],
        };
        var result = default(TransactResult);
        _node.Process.Start(async () => result = await new OneRequestTransaction(_node.Context, request).RunAsync(Timeout, CancellationToken.None));
        Assert.True(_cluster.World.RunUntil(() => result is not null, Timeout));

        // The range that was read stands prepared, and locked, while the written one commits.
        Assert.Equal([ModelKeyspace.Strict.Ranges[0].Id], _cluster.RangeOf("ordered", "a").Unsettled[result!.Transaction].Others);
        Assert.True(_cluster.Quiesce());
        var record = Assert.Single(_cluster.VersionsOf(result.Transaction));
        Assert.Equal("a", Encoding.UTF8.GetString(record.Key));
    }

    private T Run<T>(Func<Task<T>> work) => _cluster.Run(_node, work);
}
