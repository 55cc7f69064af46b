using GrainDb.Engine.Replication;
using GrainDb.Interfaces.Replicas;
using GrainDb.Simulation.Core;

namespace GrainDb.Simulation.Cluster;

/// <summary>The other replicas as the machines on one node reach them: through the simulated network, with the patience of the grains.</summary>
internal sealed class NodeTransport(SimulatedCluster cluster, SimulatedProcess process, Random random) : IReplicaTransport
{
    private static readonly TimeSpan AppendPatience = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan LatestRelease = TimeSpan.FromMilliseconds(2500);
    private static readonly TimeSpan FetchPatience = TimeSpan.FromMilliseconds(800);

    public Task<PromiseAnswer?> PromiseAsync(ReplicaDescriptor to, PromiseRequest request) =>
        CallAsync(to, request, AppendPatience, replica => replica.Promise(request), () => new PromiseAnswer { Outcome = PromiseOutcome.UnknownReplica });

    public Task<AppendAnswer?> AppendAsync(ReplicaDescriptor to, AppendRequest request) =>
        CallAsync(to, request, AppendPatience, replica => cluster.Node(to.Node).Append(replica, request), () => new AppendAnswer { Outcome = AppendOutcome.UnknownReplica });

    public Task<FetchAnswer?> FetchAsync(ReplicaDescriptor to, FetchRequest request) =>
        CallAsync(to, request, FetchPatience, replica => replica.Fetch(request), () => new FetchAnswer { IsServed = false });

    public Task<SnapshotAnswer?> SnapshotAsync(ReplicaDescriptor to, SnapshotChunk chunk) =>
        CallAsync(to, chunk, FetchPatience, replica => replica.ReceiveSnapshot(chunk), () => new SnapshotAnswer(AppendOutcome.UnknownReplica, 0, Epoch.Zero));

    public void Release(ReplicaDescriptor to, ReleaseNotice notice)
    {
        if (cluster.Profile.Script == Script.LateRelease)
            cluster.HeldReleases.Add(Send);
        else
            cluster.World.Schedule(cluster.Profile.LateReleases ? LatestRelease * random.NextDouble() : TimeSpan.Zero, process, Send);

        void Send() => cluster.Network.Tell(process, to.Node, $"{notice}", () => cluster.Node(to.Node).Find(to.Id)?.Release(notice));
    }

    private Task<TAnswer?> CallAsync<TAnswer>(ReplicaDescriptor to, object request, TimeSpan patience, Func<ReplicaAcceptor, TAnswer> call, Func<TAnswer> unknown)
        where TAnswer : class =>
        cluster.Network.CallAsync(process, to.Node, cluster.World.Trace.IsOn ? Messages.Describe(request) : "", () => cluster.Node(to.Node).Serve(to.Id, call, unknown), patience, mayRepeat: true);
}
