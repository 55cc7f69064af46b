using System.Text;
using GrainDb.Cluster.Tests.Faults;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Grains.Hosting;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Cluster.Tests.Transactions;

/// <summary>Transactions on three nodes that are all there. One cluster for all: each test has its own keyspace.</summary>
public sealed class TransactionTests : IAsyncLifetime
{
    private readonly TestDirectory _directory = new();
    private GrainDbCluster _cluster = null!;
    private TransactionClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await GrainDbCluster.StartAsync(_directory, [1, 1, 1], new StorageOptions(), new Network(), buriesFast: false);
        _client = await TransactionClient.CreateAsync(_cluster, "txn");
    }

    public async ValueTask DisposeAsync()
    {
        await _cluster.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_commit_over_three_ranges_is_seen_whole_by_every_node_at_one_version()
    {
        var transaction = await _client.BeginAsync(0);
        foreach (var key in new[] { "a", "k", "x" })
            await _client.WriteAsync(key == "k" ? 1 : 0, transaction, key, "1");
        Assert.Equal("1", await _client.ReadAsync(2, transaction, "k"));
        Assert.Null(await _client.GetAsync(1, "k"));

        var committed = await _client.CommitAsync(2, transaction);

        Assert.Null(committed.Failure);
        for (var node = 0; node < 3; node++)
        {
            foreach (var key in new[] { "a", "k", "x" })
                Assert.Equal(committed.CommitTimestamp, (await _cluster.GetAsync(node, "txn", key)).Version);
            Assert.Equal(["a=1", "k=1", "x=1"], await _client.ScanAsync(node, await _client.BeginAsync(node)));
            var view = await _client.FindAsync(node, transaction);
            Assert.Equal((TransactionStatus.Committed, committed.CommitTimestamp), (view!.Status, view.CommitTimestamp));
        }

        Assert.Equal(committed, await _client.CommitAsync(1, transaction));
    }

    [Fact]
    public async Task Of_two_that_read_the_same_balance_the_second_conflicts_and_every_snapshot_stays_what_it_was()
    {
        await _client.PutAsync(0, "balance", "100");
        var (first, second, reader) = (await _client.BeginAsync(0), await _client.BeginAsync(1), await _client.BeginAsync(2, readOnly: true));
        Assert.Equal("100", await _client.ReadAsync(0, first, "balance"));
        Assert.Equal("100", await _client.ReadAsync(1, second, "balance"));
        Assert.Equal("100", await _client.ReadAsync(2, reader, "balance"));
        await _client.WriteAsync(0, first, "balance", "150");
        await _client.WriteAsync(1, second, "balance", "200");

        var committed = await _client.CommitAsync(0, first);
        var refused = await _client.CommitAsync(1, second);

        Assert.Null(committed.Failure);
        Assert.Equal((ErrorCode.TransactionConflict, Outcome.NotApplied), (refused.Failure!.Code, refused.Failure.Outcome));
        var key = Assert.Single(refused.Failure.Keys);
        Assert.Equal(("txn", "balance"), (key.Keyspace, Encoding.UTF8.GetString(key.Key.Span)));
        Assert.Equal("100", await _client.ReadAsync(2, reader, "balance"));
        Assert.Equal("150", await _client.GetAsync(1, "balance"));
        Assert.Equal("100", await _client.GetAsync(1, "balance", committed.CommitTimestamp.Previous));
        Assert.Equal("150", await _client.GetAsync(1, "balance", committed.CommitTimestamp));
        Assert.Equal("100", await _client.ReadAsync(0, await _client.BeginAsync(0, readOnly: true, asOf: committed.CommitTimestamp.Previous), "balance"));
        Assert.Equal(TransactionStatus.Committed, (await _client.FindAsync(2, first))!.Status);
        Assert.Equal(TransactionStatus.Aborted, (await _client.FindAsync(2, second))!.Status);
    }

    [Theory]
    [InlineData("a", "b")]
    [InlineData("a", "x")]
    public async Task One_request_checks_reads_writes_and_counts_in_one_range_and_over_several(string first, string second)
    {
        await _client.PutAsync(0, first, "there");

        var result = await _client.TransactAsync(1, new TransactRequest
        {
            Checks = [_client.Check(first, CheckKind.ValueEquals, "there")],
            Reads = [_client.Read(first), _client.Read(second)],
            Writes = [_client.Write(first, "changed"), _client.Increment(second, 5)],
        });
        var refused = await _client.TransactAsync(2, new TransactRequest
        {
            Checks = [_client.Check(first, CheckKind.ValueEquals, "there")],
            Writes = [_client.Write(first, "never"), _client.Increment(second, 5)],
        });

        Assert.Null(result.Failure);
        Assert.True(result.Committed);
        Assert.Equal((first, "there"), (Encoding.UTF8.GetString(result.Reads[0].Item!.Value.Key.Span), Encoding.UTF8.GetString(result.Reads[0].Item!.Value.Value.Span)));
        Assert.Null(result.Reads[1].Item);
        Assert.Equal([null, 5], result.Increments);
        Assert.Null(refused.Failure);
        Assert.Equal([0], refused.FailedChecks);
        Assert.Equal("changed", await _client.GetAsync(0, first));
        Assert.Equal("5", await _client.GetAsync(0, second));
    }

    [Theory]
    [InlineData("a", "b")]
    [InlineData("a", "x")]
    public async Task A_repeated_request_takes_effect_once(string first, string second)
    {
        var request = new TransactRequest
        {
            Checks = [_client.Check(first, CheckKind.NotExists)],
            Writes = [_client.Write(first, "1"), _client.Increment(second, 5)],
            Idempotency = new IdempotencyStamp("key-" + second, 1, default),
        };
        var original = await _client.TransactAsync(0, request);
        Assert.True(original.Committed);

        for (var node = 0; node < 3; node++)
        {
            var repeated = await _client.TransactAsync(node, request);
            Assert.Null(repeated.Failure);
            Assert.True(repeated.Committed);
            Assert.NotNull(repeated.Repeated);
            Assert.Equal(original.CommitTimestamp, repeated.CommitTimestamp);
            Assert.Equal(original.Increments, repeated.Increments);
        }

        Assert.Equal("5", await _client.GetAsync(0, second));
        var other = await _client.TransactAsync(0, request with { Idempotency = request.Idempotency with { RequestHash = 2 } });
        Assert.Equal(ErrorCode.IdempotencyMismatch, other.Failure!.Code);
    }

    [Fact]
    public async Task A_kept_answer_has_the_keys_of_its_first_answer_also_where_they_are_hashed()
    {
        await _cluster.Keyspaces(0).CreateAsync(
            new KeyspaceDescriptor { Name = "hashed", Partitioning = KeyspacePartitioning.Hash, Partitions = 1 }, CancellationToken.None);
        var key = "key"u8.ToArray();
        Assert.Null((await _cluster.PutAsync(0, "hashed", "key", "there")).Failure);
        var request = new TransactRequest
        {
            Reads = [new TransactRead("hashed", key, IsScan: false, null, 0)],
            Writes = [new TransactWrite("hashed", new KeyWrite(key, WriteKind.Put, "1"u8.ToArray(), "", default, null), null)],
            Idempotency = new IdempotencyStamp("hashed", 1, default),
        };
        for (var node = 0; node < 3; node++)
        {
            var result = await _client.TransactAsync(node, request);
            Assert.Null(result.Failure);
            Assert.Equal(("key", "there"), (Encoding.UTF8.GetString(result.Reads[0].Item!.Value.Key.Span), Encoding.UTF8.GetString(result.Reads[0].Item!.Value.Value.Span)));
        }
    }

    [Fact]
    public async Task A_node_takes_no_more_than_its_bound_of_open_transactions()
    {
        var open = _cluster.Service<Grains.Transactions.OpenTransactions>(0);
        for (var i = open.Count; i < TransactionLimits.MaxOpenPerNode - 1; i++)
            Assert.Null(open.TryEnter());
        var last = await _client.BeginAsync(0);
        var options = new TransactionOptions(IsolationLevel.Snapshot, ReadOnly: false, default, TransactionLimits.DefaultDuration);

        var refused = (await _cluster.Transactions(0).BeginAsync(options, GrainDbCluster.Timeout, CancellationToken.None)).Failure!;
        Assert.Equal((ErrorCode.Overloaded, Outcome.NotApplied), (refused.Code, refused.Outcome));
        await _client.BeginAsync(1);
        Assert.Null(await _cluster.Transactions(0).RollbackAsync(last, GrainDbCluster.Timeout, CancellationToken.None));
        await _client.BeginAsync(0);
    }

    [Fact]
    public async Task A_transaction_that_is_forgotten_by_its_client_ends_by_itself()
    {
        var open = _cluster.Service<Grains.Transactions.OpenTransactions>(0);
        var brief = (await _cluster.Transactions(0).BeginAsync(
            new TransactionOptions(IsolationLevel.Snapshot, ReadOnly: false, default, TimeSpan.FromSeconds(1)), GrainDbCluster.Timeout, CancellationToken.None)).Id;
        var idle = (await _cluster.Transactions(0).BeginAsync(
            new TransactionOptions(IsolationLevel.Snapshot, ReadOnly: false, default, TransactionLimits.MaxDuration), GrainDbCluster.Timeout, CancellationToken.None)).Id;
        var kept = (await _cluster.Transactions(0).BeginAsync(
            new TransactionOptions(IsolationLevel.Snapshot, ReadOnly: false, default, TransactionLimits.MaxDuration), GrainDbCluster.Timeout, CancellationToken.None)).Id;
        await _client.WriteAsync(1, brief, "brief", "never");
        await _client.WriteAsync(1, idle, "idle", "never");
        await _client.WriteAsync(1, kept, "kept", "1");

        // Nobody asks anything of the two; to look is not to use.
        await _cluster.UntilAsync(async () =>
        {
            Assert.Null((await _cluster.Transactions(2).KeepAliveAsync(kept, GrainDbCluster.Timeout, CancellationToken.None)).Failure);
            return (await _client.FindAsync(1, brief))!.Status == TransactionStatus.Aborted && (await _client.FindAsync(1, idle))!.Status == TransactionStatus.Aborted;
        });
        Assert.Equal(1, open.Count);
        Assert.Contains("1 s", (await _client.FindAsync(1, brief))!.Reason, StringComparison.Ordinal);
        Assert.Contains("idle", (await _client.FindAsync(1, idle))!.Reason, StringComparison.Ordinal);
        Assert.Equal(ErrorCode.TransactionExpired, (await _client.CommitAsync(2, idle)).Failure!.Code);
        Assert.Null((await _client.CommitAsync(2, kept)).Failure);
        Assert.Null(await _client.GetAsync(0, "idle"));
    }

    [Theory]
    [InlineData("counter", "count")]
    [InlineData("a-count", "x-count")]
    public async Task Increments_that_race_are_all_counted(string first, string second)
    {
        const int Clients = 6;
        const int Each = 10;
        var results = await Task.WhenAll(Enumerable.Range(0, Clients).Select(async client =>
        {
            var committed = 0;
            for (var i = 0; i < Each; i++)
            {
                var result = await _client.TransactAsync(client % 3, new TransactRequest { Writes = [_client.Increment(first, 1), _client.Increment(second, 1)] });
                committed += result.Failure is null ? 1 : 0;
            }

            return committed;
        }));

        Assert.Equal(results.Sum().ToString(), await _client.GetAsync(0, first));
        Assert.Equal(results.Sum().ToString(), await _client.GetAsync(0, second));
        Assert.True(results.Sum() >= Clients * Each / 2, $"{results.Sum()} of {Clients * Each}");
    }

    [Fact]
    public async Task A_commit_in_one_range_is_found_by_every_node_also_when_its_coordinator_is_not_asked()
    {
        var transaction = await _client.BeginAsync(0);
        await _client.WriteAsync(0, transaction, "a", "1");
        var committed = await _client.CommitAsync(0, transaction);
        Assert.Null(committed.Failure);

        for (var node = 0; node < 3; node++)
        {
            var view = await _cluster.Service<Grains.Transactions.TransactionSearch>(node).FindDecisionAsync(transaction, GrainDbCluster.Timeout, CancellationToken.None);
            Assert.Equal((TransactionStatus.Committed, committed.CommitTimestamp), (view!.Status, view.CommitTimestamp));
        }
    }

    [Fact]
    public async Task What_never_was_is_not_found_and_what_is_over_takes_nothing()
    {
        var transaction = await _client.BeginAsync(0);
        await _client.WriteAsync(0, transaction, "a", "1");
        Assert.Null(await _cluster.Transactions(1).RollbackAsync(transaction, GrainDbCluster.Timeout, CancellationToken.None));

        Assert.Equal(TransactionStatus.Aborted, (await _client.FindAsync(2, transaction))!.Status);
        Assert.Equal(ErrorCode.TransactionExpired, (await _client.CommitAsync(2, transaction)).Failure!.Code);
        Assert.Null(await _client.GetAsync(0, "a"));
        Assert.Null(await _client.FindAsync(0, new TransactionId(new Timestamp(1), 1)));
        var ancient = await _client.CommitAsync(0, new TransactionId(new Timestamp(1), 1));
        Assert.Equal(ErrorCode.TransactionNotFound, ancient.Failure!.Code);
    }

    [Fact]
    public async Task A_write_outside_of_transactions_waits_for_one_that_is_undecided_and_then_counts()
    {
        var gate = _cluster.Service<GatedDecisions>(0);
        gate.KeepsResolutions = true;
        var transaction = await _client.BeginAsync(0);
        await _client.WriteAsync(0, transaction, "a", "transaction");
        await _client.WriteAsync(0, transaction, "x", "transaction");
        var committed = await _client.CommitAsync(0, transaction);
        Assert.Null(committed.Failure);

        // Nobody was told of the decision: whoever comes finds it.
        var written = await _cluster.PutAsync(1, "txn", "a", "later");

        Assert.Null(written.Failure);
        Assert.True(written.Version > committed.CommitTimestamp);
        Assert.Equal("transaction", await _client.GetAsync(2, "a", committed.CommitTimestamp));
        Assert.Equal("later", await _client.GetAsync(2, "a"));
    }
}
