using System.Collections.Concurrent;
using GrainDb.Engine.Replication;
using GrainDb.Grains.Placement;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Grains.Replicas;

/// <summary>Replica calls as grain calls: whatever keeps one from being answered is silence, and the epochs decide what it meant.</summary>
internal sealed class ReplicaTransport(IGrainFactory grains, LiveNodes live)
{
    private readonly ConcurrentDictionary<string, Heartbeats> _heartbeats = new(StringComparer.Ordinal);

    private IGrainFactory Grains => grains;

    private LiveNodes Live => live;

    /// <summary>The other replicas of a range.</summary>
    public IReplicaTransport Of(RangeId range) => new OfRange(this, range);

    private Heartbeats HeartbeatsTo(string node) =>
        _heartbeats.GetOrAdd(node, name => new Heartbeats(() => live.Find(name) is null ? null : grains.GetGrain<INodeGrain>(name)));

    private sealed class OfRange(ReplicaTransport transport, RangeId range) : IReplicaTransport
    {
        /// <summary>By node; making a reference to a grain costs as much as a short call.</summary>
        private readonly ConcurrentDictionary<string, IReplicaGrain> _replicas = new(StringComparer.Ordinal);

        public Task<PromiseAnswer?> PromiseAsync(ReplicaDescriptor to, PromiseRequest request) => CallAsync(to, request, static (grain, message) => grain.PromiseAsync(message));

        public Task<AppendAnswer?> AppendAsync(ReplicaDescriptor to, AppendRequest request) => request.Records.IsEmpty
            ? transport.HeartbeatsTo(to.Node).SendAsync(range, request)
            : CallAsync(to, request, static (grain, message) => grain.AppendAsync(message));

        public Task<FetchAnswer?> FetchAsync(ReplicaDescriptor to, FetchRequest request) => CallAsync(to, request, static (grain, message) => grain.FetchAsync(message));

        public Task<SnapshotAnswer?> SnapshotAsync(ReplicaDescriptor to, SnapshotChunk chunk) => CallAsync(to, chunk, static (grain, message) => grain.ReceiveSnapshotAsync(message));

        public void Release(ReplicaDescriptor to, ReleaseNotice notice)
        {
            if (Find(to.Node) is { } grain)
                grain.ReleaseAsync(notice).Ignore();
        }

        private IReplicaGrain? Find(string node) => transport.Live.Find(node) is null
            ? null
            : _replicas.GetOrAdd(node, static (name, own) => own.transport.Grains.GetGrain<IReplicaGrain>(new ReplicaKey(own.range, name).ToString()), (transport, range));

        private async Task<TAnswer?> CallAsync<TMessage, TAnswer>(ReplicaDescriptor to, TMessage message, Func<IReplicaGrain, TMessage, Task<TAnswer>> call)
            where TAnswer : class
        {
            try
            {
                return Find(to.Node) is { } grain ? await call(grain, message) : null;
            }
            catch (Exception exception) when (exception is not OutOfMemoryException)
            {
                return null;
            }
        }
    }
}
