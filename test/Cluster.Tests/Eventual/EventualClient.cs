using System.Text;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Engine.Eventual;
using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Cluster.Tests.Eventual;

/// <summary>A client of one eventual keyspace, through any node.</summary>
internal sealed class EventualClient(GrainDbCluster cluster, string keyspace)
{
    public TimeSpan Timeout { get; init; } = GrainDbCluster.Timeout;

    private static CancellationToken CancellationToken => TestContext.Current.CancellationToken;

    public Task<EventualWriteResult> PutAsync(
        int node, string key, string value, EventualLevel level = default, ReadOnlyMemory<byte> context = default, IdempotencyStamp? stamp = null) => WriteAsync(
            node, new() { Key = Bytes(key), Kind = EventualWriteKind.Put, Value = Bytes(value), ContentType = "text/plain", Context = context }, level, stamp);

    public Task<EventualWriteResult> DeleteAsync(int node, string key, EventualLevel level = default, ReadOnlyMemory<byte> context = default) =>
        WriteAsync(node, new() { Key = Bytes(key), Kind = EventualWriteKind.Delete, Context = context }, level);

    public Task<EventualWriteResult> IncrementAsync(int node, string key, long by, EventualLevel level = default, IdempotencyStamp? stamp = null) =>
        WriteAsync(node, new() { Key = Bytes(key), Kind = EventualWriteKind.Operate, Operation = CrdtOperation.Increment(by) }, level, stamp);

    public Task<EventualWriteResult> WriteAsync(int node, EventualWrite write, EventualLevel level, IdempotencyStamp? stamp = null) =>
        Store(node).WriteAsync(keyspace, write, level, stamp, Timeout, CancellationToken).AsTask();

    public Task<EventualReadResult> GetAsync(int node, string key, EventualLevel level = default) => Store(node).ReadAsync(keyspace, Bytes(key), level, Timeout, CancellationToken).AsTask();

    /// <summary>The values of a key, in the order of their bytes; without those that are deleted.</summary>
    public async Task<string[]> ValuesAsync(int node, string key, EventualLevel level = default)
    {
        var result = await GetAsync(node, key, level);
        Assert.Null(result.Failure);
        return ValuesOf(result.State);
    }

    /// <summary>What a counter stands at.</summary>
    public async Task<long> SumAsync(int node, string key, EventualLevel level = default)
    {
        var result = await GetAsync(node, key, level);
        Assert.Null(result.Failure);
        return result.State.IsEmpty ? 0 : (long)CrdtReading.Counter(DottedSetCodec.Decode(result.State)).Value;
    }

    public async Task<ConflictPage> ConflictsAsync(int node, ConflictPosition? after = null, int limit = 1000) =>
        await Store(node).ListConflictsAsync(keyspace, after, limit, Timeout, CancellationToken);

    public static string[] ValuesOf(ReadOnlyMemory<byte> state) => state.IsEmpty
        ? []
        : [.. DottedSetCodec.Decode(state).Siblings.Where(sibling => !sibling.IsTombstone).Select(sibling => Encoding.UTF8.GetString(StoredValue.Read(sibling.Stored).Value.Span)).Order(StringComparer.Ordinal)];

    private IEventualStore Store(int node) => cluster.Service<IEventualStore>(node);

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
