using System.Text;
using GrainDb.Engine.Ranges;
using GrainDb.Engine.Replication;
using GrainDb.Engine.Tests.Ranges;
using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Time;
using GrainDb.Engine.Transactions;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using Microsoft.Extensions.Time.Testing;

namespace GrainDb.Engine.Tests.Replication;

/// <summary>
/// Three replicas of one range on simulated disks, in one thread. Messages arrive at once unless a test cuts a link; disk work and time move when
/// the test says so.
/// </summary>
internal sealed class ReplicaTrio
{
    private readonly Queue<Action> _work = new();
    private readonly List<RangeLeader> _leaders = [];
    private readonly HashSet<(string From, string To)> _cut = [];
    private readonly Dictionary<string, LeaseMemory> _leases = [];
    private byte _nonce;

    public ReplicaTrio(ReplicationOptions? options = null)
    {
        Options = options ?? ReplicationOptions.Default;
        foreach (var name in (string[])["node1", "node2", "node3"])
        {
            var disk = new FaultyFileSystem();
            disk.CreateDirectory("/range");
            disk.SyncDirectory("/");
            Disks[name] = disk;
            Open(name);
        }
    }

    public static RangeDescriptor Descriptor => RangeRig.Descriptor;

    public static RangeConfiguration Configuration { get; } = new([IdOf("node1"), IdOf("node2"), IdOf("node3")], []);

    public ReplicationOptions Options { get; }

    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    public Dictionary<string, FaultyFileSystem> Disks { get; } = [];

    public Dictionary<string, ReplicaAcceptor> Replicas { get; } = [];

    public static ReplicaDescriptor IdOf(string node) => new(node, new Guid(0, 0, 0, [0, 0, 0, 0, 0, 0, 0, (byte)node[^1]]));

    public static RangeReplicaOptions OptionsOf(string node) => new(
        Descriptor.Id,
        IdOf(node).Id,
        "/range",
        WalOptions.Default with { FirstSegmentBytes = 4096, MaxSegmentBytes = 8192 },
        GroupCommitOptions.Default,
        Configuration);

    /// <summary>Opens what is on the node's disk, as after a restart; its state stays there.</summary>
    public void Open(string node)
    {
        _leases[node] = new LeaseMemory(Time, Time.GetTimestamp());
        OpenInProcess(node);
    }

    /// <summary>Closes the replica and opens it again, in the same process.</summary>
    public void OpenAgain(string node)
    {
        Replicas[node].Dispose();
        OpenInProcess(node);
    }

    private void OpenInProcess(string node) => Replicas[node] = new ReplicaAcceptor(
        RangeReplica.OpenUnloaded(OptionsOf(node), Disks[node], new HybridLogicalClock(Time, HybridLogicalClock.DefaultMaxOffset)),
        Options,
        Time,
        _leases[node]);

    /// <summary>The node's process ends; nobody reaches it until another one opens what is on its disk.</summary>
    public void Kill(string node)
    {
        _leaders.RemoveAll(leader => leader.Candidate.Node == node);
        Replicas[node].Dispose();
        Isolate(node);
    }

    /// <summary>All processes are killed; others open what is on their disks.</summary>
    public void RestartAll()
    {
        RestartAllUnloaded();
        foreach (var replica in Replicas.Values)
            replica.Load();
    }

    /// <summary>The same, and nobody has loaded any state yet.</summary>
    public void RestartAllUnloaded()
    {
        _leaders.Clear();
        _work.Clear();
        foreach (var (node, replica) in Replicas.ToList())
        {
            replica.Dispose();
            Open(node);
        }
    }

    /// <summary>How long every fetch takes.</summary>
    public TimeSpan FetchTime { get; set; }

    /// <summary>A node of a version that does not heed what <see cref="AppendRequest.HasForgotten"/> says.</summary>
    public string? Older { get; set; }

    /// <summary>Appends that arrived.</summary>
    public int Appends { get; private set; }

    /// <summary>Nothing goes from one node to the other any more.</summary>
    public void Cut(string from, string to) => _cut.Add((from, to));

    public void Isolate(string node)
    {
        foreach (var other in Replicas.Keys.Where(other => other != node))
        {
            Cut(node, other);
            Cut(other, node);
        }
    }

    public void Heal() => _cut.Clear();

    /// <summary>Another activation; it stands when the test starts it.</summary>
    public RangeLeader NewLeader(string node)
    {
        var leader = new RangeLeader(Replicas[node], new Links(this, node), new RangeLeaderOptions(
            Descriptor,
            KeyspacePartitioning.Range,
            node,
            "local",
            MaxValueBytes: 1024,
            new Guid(0, 0, 0, [0, 0, 0, 0, 0, 0, 0, ++_nonce]),
            _work.Enqueue,
            Time,
            NoTransactionRecovery.Instance));
        _leaders.Add(leader);
        return leader;
    }

    /// <summary>Runs all work, and lets time pass in steps of a tick until the task is complete or the time is up.</summary>
    public T Run<T>(Task<T> task, int milliseconds = 5000)
    {
        for (var passed = 0; !task.IsCompleted && passed < milliseconds; passed += 50)
            Pass(50);
        return task.IsCompleted ? task.GetAwaiter().GetResult() : throw new TimeoutException("it does not complete");
    }

    public void Pass(int milliseconds)
    {
        for (var passed = 0; passed < milliseconds; passed += 50)
        {
            Work();
            Time.Advance(TimeSpan.FromMilliseconds(50));
            foreach (var leader in _leaders)
                leader.Tick();
            Work();
        }
    }

    public Task<WriteResult> Begin(RangeLeader leader, params KeyWrite[] writes) => leader.WriteAsync(new RangeWrite(writes, Generation: 1)).AsTask();

    public Task<ReadResult> BeginRead(RangeLeader leader, string key) =>
        leader.ReadAsync(new RangeRead(Encoding.UTF8.GetBytes(key), default, Generation: 1)).AsTask();

    private AppendAnswer Append(ReplicaAcceptor replica, AppendRequest request)
    {
        Appends++;
        var answer = replica.Append(replica == Replicas.GetValueOrDefault(Older ?? "") ? request with { HasForgotten = false } : request);
        _work.Enqueue(replica.ApplyCommitted);
        return answer;
    }

    /// <summary>Runs all work; no time passes.</summary>
    public void Work()
    {
        while (_work.TryDequeue(out var work))
            work();
    }

    private sealed class Links(ReplicaTrio trio, string from) : IReplicaTransport
    {
        public Task<PromiseAnswer?> PromiseAsync(ReplicaDescriptor to, PromiseRequest request) => Call(to, replica => replica.Promise(request));

        public Task<AppendAnswer?> AppendAsync(ReplicaDescriptor to, AppendRequest request) => Call(to, replica => trio.Append(replica, request));

        public async Task<FetchAnswer?> FetchAsync(ReplicaDescriptor to, FetchRequest request)
        {
            if (trio.FetchTime > TimeSpan.Zero)
                await Task.Delay(trio.FetchTime, trio.Time);
            return await Call(to, replica => replica.Fetch(request));
        }

        public Task<SnapshotAnswer?> SnapshotAsync(ReplicaDescriptor to, SnapshotChunk chunk) => Call(to, replica => replica.ReceiveSnapshot(chunk));

        public void Release(ReplicaDescriptor to, ReleaseNotice notice)
        {
            if (!trio._cut.Contains((from, to.Node)))
                trio.Replicas[to.Node].Release(notice);
        }

        /// <summary>A cut link behaves as a call that timed out at once; a cut way back loses the answer only.</summary>
        private Task<T?> Call<T>(ReplicaDescriptor to, Func<ReplicaAcceptor, T> call)
            where T : class
        {
            if (trio._cut.Contains((from, to.Node)))
                return Task.FromResult<T?>(null);
            T? answer;
            try
            {
                answer = call(trio.Replicas[to.Node]);
            }
            catch (WalBrokenException)
            {
                answer = null;
            }

            return Task.FromResult(trio._cut.Contains((to.Node, from)) ? null : answer);
        }
    }
}
