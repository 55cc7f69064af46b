using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using GrainDb.Cluster.Tests.Faults;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Grains.Hosting;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Cluster.Tests.Eventual;

/// <summary>What eventual keyspaces do while nodes are away, and how they come together again.</summary>
public sealed class LostNodesTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const int Clients = 32;

    private readonly TestDirectory _directory = new();
    private readonly Network _network = new();
    private GrainDbCluster _cluster = null!;

    public async ValueTask InitializeAsync() => _cluster = await GrainDbCluster.StartAsync(_directory, [1, 1, 1], new StorageOptions(), _network, buriesFast: true);

    public async ValueTask DisposeAsync()
    {
        _network.Heal();
        await _cluster.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task With_one_node_down_quorums_go_on_and_10_000_keys_converge_by_themselves_after_its_return()
    {
        var client = await _cluster.CreateEventualAsync("wide", ConflictPolicy.Siblings);
        _cluster.Crash(2);
        await ForAllAsync(10_000, async i =>
        {
            Assert.Null((await client.PutAsync(i % 2, $"k{i}", $"v{i}")).Failure);
            if (i % 10 == 0)
                Assert.Equal([$"v{i}"], await client.ValuesAsync((i + 1) % 2, $"k{i}"));
        });
        await _cluster.RestartAsync(2);
        var started = Stopwatch.GetTimestamp();
        await _cluster.UntilAgreedAsync("wide");
        output.WriteLine($"10 000 keys converged {Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s after the node's return");
        Assert.Equal(["v9999"], await client.ValuesAsync(2, "k9999", EventualLevel.One));
    }

    [Fact]
    public async Task With_two_nodes_down_one_works_and_a_quorum_says_what_is_true()
    {
        var client = await _cluster.CreateEventualAsync("wide", ConflictPolicy.Siblings);
        Assert.Null((await client.PutAsync(0, "k", "before", EventualLevel.All)).Failure);
        _cluster.Crash(1);
        await _cluster.UntilAsync(async () => (await client.PutAsync(0, "other", "v", EventualLevel.All)).Failure is { Code: ErrorCode.Unavailable, Outcome: Outcome.NotApplied });
        _cluster.Crash(2);
        Assert.Null((await client.PutAsync(0, "one", "v", EventualLevel.One)).Failure);
        Assert.Equal(["v"], await client.ValuesAsync(0, "one", EventualLevel.One));
        Assert.Equal(ErrorCode.Unavailable, (await client.GetAsync(0, "k")).Failure!.Code);

        var written = 0;
        await _cluster.UntilAsync(async () =>
        {
            var failure = (await client.PutAsync(0, $"q{written}", "v")).Failure!;
            Assert.True((failure.Code, failure.Outcome) is (ErrorCode.OutcomeUnknown, Outcome.Unknown) or (ErrorCode.Unavailable, Outcome.NotApplied), failure.ToString());
            Assert.Equal(failure.Outcome == Outcome.Unknown, (await client.ValuesAsync(0, $"q{written}", EventualLevel.One)).Length == 1);
            written++;
            return failure.Outcome == Outcome.NotApplied;
        });
        await _cluster.RestartAsync(1);
        Assert.Null((await client.PutAsync(0, "k", "after")).Failure);
    }

    [Fact]
    public async Task A_node_is_lost_with_its_disk_and_rebuilt_while_no_quorum_fails()
    {
        var client = await _cluster.CreateEventualAsync("busy", ConflictPolicy.Siblings);
        using var enough = new CancellationTokenSource();
        var (failures, written) = (new ConcurrentQueue<Failure>(), 0);
        var load = Task.WhenAll(Enumerable.Range(0, 8).Select(async writer =>
        {
            for (var i = 0; !enough.IsCancellationRequested; i++)
            {
                var key = $"w{writer}-{i}";
                if ((await client.PutAsync(writer % 2, key, "v")).Failure is { } notWritten)
                    failures.Enqueue(notWritten);
                if (i % 5 == 0 && (await client.GetAsync((writer + 1) % 2, key)).Failure is { } notRead)
                    failures.Enqueue(notRead);
                Interlocked.Increment(ref written);
            }
        }).ToList());
        await _cluster.UntilAsync(() => Task.FromResult(Volatile.Read(ref written) > 100));
        _cluster.Crash(2);
        Directory.Delete(Path.Combine(_directory.Path, "Silo_2"), recursive: true);
        await _cluster.RestartAsync(2);
        await _cluster.UntilAsync(async () => (await _cluster.View(0).GetRangesAsync("busy", unhealthyOnly: false, CancellationToken.None)).All(range => range.Descriptor.Generation == 2));
        var before = Volatile.Read(ref written);
        await _cluster.UntilAsync(() => Task.FromResult(Volatile.Read(ref written) > before + 200));
        await enough.CancelAsync();
        await load;
        Assert.Empty(failures);
        await _cluster.UntilAgreedAsync("busy");
        output.WriteLine($"{written} keys were written meanwhile");
        Assert.Equal(written, (await _cluster.View(0).GetRangesAsync("busy", unhealthyOnly: false, CancellationToken.None)).Sum(range => range.Keys));
    }

    [Fact]
    public async Task Comparing_moves_only_what_differs()
    {
        const int Keys = 5_000;
        var client = await _cluster.CreateEventualAsync("single", ConflictPolicy.Siblings, partitions: 1);
        var value = new string('x', 500);
        await ForAllAsync(Keys, async i => Assert.Null((await client.PutAsync(i % 3, $"k{i}", value, EventualLevel.All)).Failure));
        await _cluster.UntilAgreedAsync("single");
        var full = (await _cluster.View(0).GetRangesAsync("single", unhealthyOnly: false, CancellationToken.None))[0].Bytes;
        await _cluster.StopAsync(2);
        await ForAllAsync(Keys / 100, async i => Assert.Null((await client.PutAsync(0, $"k{i * 100}", "new", EventualLevel.One)).Failure));
        await _cluster.StopAsync(1);
        await _cluster.StopAsync(0);
        for (var node = 0; node < 3; node++)
            Directory.Delete(Path.Combine(_directory.Path, $"Silo_{node}", "hints"), recursive: true); // so that comparing has to find it

        using var bytes = new RepairBytes("Silo_2", "Silo_1", "Silo_0");
        await Task.WhenAll(Enumerable.Range(0, 3).Select(_cluster.RestartAsync));
        await _cluster.UntilAsync(async () => (await client.ValuesAsync(2, $"k{Keys - 100}", EventualLevel.One)).Length == 2);
        await _cluster.UntilAgreedAsync("single");
        output.WriteLine($"{bytes.Total} bytes compared and moved for 1 % of {full} bytes: {100.0 * bytes.Total / full:F2} %");
        Assert.InRange(bytes.Total, 1, full * 2 / 20); // two replicas lacked it
    }

    [Fact]
    public async Task Counters_are_exact_through_kills_when_requests_are_repeated_under_their_keys()
    {
        const int Requests = 600;
        var client = new EventualClient(_cluster, "sums") { Timeout = TimeSpan.FromSeconds(2) };
        await _cluster.CreateEventualAsync("sums", ConflictPolicy.Counter);
        var (repeated, done) = (0, 0);
        var load = ForAllAsync(Requests, async i =>
        {
            var stamp = new IdempotencyStamp($"request-{i}", (UInt128)i, default);
            await _cluster.UntilAsync(async () =>
            {
                var isDone = (await client.IncrementAsync(i % 2, $"counter{i % 5}", 1 + i, stamp: stamp)).Failure is null;
                if (!isDone)
                    Interlocked.Increment(ref repeated);
                return isDone;
            });
            Interlocked.Increment(ref done);
        });
        await _cluster.UntilAsync(() => Task.FromResult(Volatile.Read(ref done) > Requests / 10));
        _cluster.Crash(2);
        await _cluster.UntilAsync(() => Task.FromResult(Volatile.Read(ref repeated) > Clients)); // a third of the requests needs that node
        await _cluster.RestartAsync(2);
        await load;
        output.WriteLine($"{repeated} requests were repeated");
        await _cluster.UntilAgreedAsync("sums");
        for (var counter = 0; counter < 5; counter++)
            Assert.Equal(Enumerable.Range(0, Requests).Where(i => i % 5 == counter).Sum(i => 1 + i), await client.SumAsync(1, $"counter{counter}"));
    }

    /// <summary>Many at a time.</summary>
    private static async Task ForAllAsync(int count, Func<int, Task> work)
    {
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(async _ =>
        {
            for (var i = Interlocked.Increment(ref next); i < count; i = Interlocked.Increment(ref next))
                await work(i);
        }).ToList());
    }

    /// <summary>Bytes that comparisons of nodes moved.</summary>
    private sealed class RepairBytes : IDisposable
    {
        private readonly MeterListener _listener = new();
        private long _total;

        public RepairBytes(params string[] nodes)
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name == "graindb.eventual.repair.bytes")
                    listener.EnableMeasurementEvents(instrument);
            };
            _listener.SetMeasurementEventCallback<long>((_, measurement, tags, _) =>
            {
                foreach (var tag in tags)
                {
                    if (tag.Key == "node" && nodes.Contains(tag.Value))
                        Interlocked.Add(ref _total, measurement);
                }
            });
            _listener.Start();
        }

        public long Total => Volatile.Read(ref _total);

        public void Dispose() => _listener.Dispose();
    }
}
