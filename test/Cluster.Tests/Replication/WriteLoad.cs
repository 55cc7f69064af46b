using System.Collections.Concurrent;
using System.Text;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Cluster.Tests.Replication;

/// <summary>Writers that put one new key after the other through their nodes, and remember what became of each.</summary>
internal sealed class WriteLoad
{
    /// <summary>What a client does between two writes: leaves the cores to others.</summary>
    private static readonly TimeSpan Think = TimeSpan.FromMilliseconds(10);

    private readonly GrainDbCluster _cluster;
    private readonly string _keyspace;
    private readonly ConcurrentQueue<(string Key, WriteResult Result)> _done = new();
    private readonly Task _writers;
    private volatile bool _stopped;
    private long _begun;
    private long _acknowledged; // highest number of a write that was acknowledged

    /// <param name="cluster">The cluster.</param>
    /// <param name="keyspace">Where to.</param>
    /// <param name="nodes">One writer through each.</param>
    public WriteLoad(GrainDbCluster cluster, string keyspace, params int[] nodes)
    {
        _cluster = cluster;
        _keyspace = keyspace;
        _writers = Task.WhenAll(nodes.Select((node, writer) => Task.Run(() => WriteAsync(node, $"w{writer}"))));
    }

    public IReadOnlyList<(string Key, WriteResult Result)> Acknowledged => [.. _done.Where(write => write.Result.Failure is null)];

    public IReadOnlyList<(string Key, WriteResult Result)> Failed => [.. _done.Where(write => write.Result.Failure is not null)];

    /// <summary>Waits until so many writes that begin after this call are acknowledged.</summary>
    public async Task ProgressAsync(int writes)
    {
        var target = Acknowledged.Count + writes;
        var begun = Interlocked.Read(ref _begun);
        await _cluster.UntilAsync(() => Task.FromResult(Interlocked.Read(ref _acknowledged) > begun && Acknowledged.Count >= target));
    }

    public Task StopAsync()
    {
        _stopped = true;
        return _writers;
    }

    /// <summary>What was acknowledged is there, as it was acknowledged; what is said not to have happened is not.</summary>
    public Task AssertTrueAsync(int node) => AssertTrueAsync(_cluster, node);

    /// <summary>The same of a cluster that came after.</summary>
    public async Task AssertTrueAsync(GrainDbCluster cluster, int node)
    {
        Assert.NotEmpty(Acknowledged);
        foreach (var (key, result) in Acknowledged)
        {
            var read = await cluster.GetAsync(node, _keyspace, key);
            Assert.Null(read.Failure);
            Assert.Equal(result.Version, read.Version);
            Assert.Equal(key, Encoding.UTF8.GetString(read.Value.Span));
        }

        foreach (var (key, _) in Failed.Where(write => write.Result.Failure!.Outcome == Outcome.NotApplied))
            Assert.False((await cluster.GetAsync(node, _keyspace, key)).Found, $"{key} is there, and was said not to be");
    }

    private async Task WriteAsync(int node, string writer)
    {
        for (var i = 0; !_stopped; i++)
        {
            var number = Interlocked.Increment(ref _begun);
            var key = $"{writer}-{i}";
            var result = await _cluster.PutAsync(node, _keyspace, key, key);
            _done.Enqueue((key, result));
            if (result.Failure is null)
                Raise(number);
            await Task.Delay(Think, CancellationToken.None);
        }
    }

    private void Raise(long number)
    {
        for (var seen = Interlocked.Read(ref _acknowledged); seen < number; seen = Interlocked.Read(ref _acknowledged))
            Interlocked.CompareExchange(ref _acknowledged, number, seen);
    }
}
