using System.Text;
using GrainDb.Engine.Eventual;
using GrainDb.Engine.Replication;
using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Time;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using GrainDb.Interfaces.Transactions;
using Microsoft.Extensions.Time.Testing;

namespace GrainDb.Engine.Tests.Eventual;

/// <summary>
/// Replicas of one partition on node1 to node3, and node4 and node5 that keep hints, in one thread. Messages arrive at once unless a test cuts a link; disk work and time move when the test says so.
/// </summary>
internal sealed class EventualTrio
{
    private readonly Queue<Action> _work = new();
    private readonly HashSet<(string From, string To)> _cut = [];
    private readonly Dictionary<string, FaultyFileSystem> _disks = [];
    private int _rounds;

    public EventualTrio(ConflictPolicy policy = ConflictPolicy.Siblings, EventualFaults faults = EventualFaults.None)
    {
        Policy = policy;
        foreach (var node in (string[])["node1", "node2", "node3", "node4", "node5"])
        {
            _disks[node] = new FaultyFileSystem();
            Clocks[node] = new HybridLogicalClock(Time, HybridLogicalClock.DefaultMaxOffset);
            Hints[node] = HintStore.Open(new("/hints", IdOf(node).Id, ReplicaRig.Small, GroupCommitOptions.Default) { Faults = faults }, _disks[node], Clocks[node], _work.Enqueue);
        }

        foreach (var member in Configuration.Members)
            Open(member, ReplicaStanding.First);
    }

    public static RangeId Partition { get; } = new(7);

    public ConflictPolicy Policy { get; }

    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    public PartitionConfiguration Configuration { get; set; } = new(1, [IdOf("node1"), IdOf("node2"), IdOf("node3")], [], ["node4", "node5"]);

    public Dictionary<Guid, EventualReplica> Replicas { get; } = [];

    public Dictionary<string, HintStore> Hints { get; } = [];

    public Dictionary<string, HybridLogicalClock> Clocks { get; } = [];

    /// <summary>Nodes that are known to be dead.</summary>
    public HashSet<string> Dead { get; } = [];

    /// <summary>How long messages to a node and its answers take together.</summary>
    public Dictionary<string, TimeSpan> Delays { get; } = [];

    /// <summary>Messages that arrived, by type.</summary>
    public List<object> Messages { get; } = [];

    public EventualOptions Options { get; set; } = EventualOptions.Default with { BytesPerSecond = int.MaxValue };

    public static ReplicaDescriptor IdOf(string node) => new(node, new Guid(node[^1] - '0', 0, 0, new byte[8]));

    public EventualReplica Replica(string node) => Replicas[Configuration.All.First(replica => replica.Node == node).Id];

    public void Open(ReplicaDescriptor replica, ReplicaStanding beginning) =>
        Replicas[replica.Id] = EventualReplica.Open(
            new(Partition, replica.Id, $"/{replica.Id:N}", Policy, beginning, ReplicaRig.Small, GroupCommitOptions.Default), _disks[replica.Node], Clocks[replica.Node], _work.Enqueue);

    public void Cut(string from, string to) => _cut.Add((from, to));

    public void Isolate(string node)
    {
        foreach (var other in Hints.Keys.Where(other => other != node))
        {
            Cut(node, other);
            Cut(other, node);
        }
    }

    public void Heal() => _cut.Clear();

    public EventualWriteResult Write(string node, EventualWrite write, EventualLevel level, bool sloppy = false, IdempotencyStamp? stamp = null) => Run(Begin(node, write, level, sloppy, stamp));

    public Task<EventualWriteResult> Begin(string node, EventualWrite write, EventualLevel level, bool sloppy = false, IdempotencyStamp? stamp = null) =>
        NewWrite(node, level, sloppy).RunAsync(write, stamp, TimeSpan.FromSeconds(2));

    public WriteCoordination NewWrite(string node, EventualLevel level, bool sloppy = false) =>
        new(Replica(node), node, new Links(this, node), Options, Time, Configuration, level, sloppy);

    public EventualReadResult Read(string node, string key, EventualLevel level) =>
        Run(new ReadCoordination(Replica(node), node, new Links(this, node), Options, Clocks[node], Time, Configuration, level).RunAsync(Encoding.UTF8.GetBytes(key), TimeSpan.FromSeconds(2)));

    /// <summary>What a replica has of a key.</summary>
    public DottedSet StateAt(string node, string key)
    {
        var replica = Replica(node);
        var state = replica.Read(new StateRequest(replica.Id, replica.Standing.Configuration, Encoding.UTF8.GetBytes(key))).State;
        return state.IsEmpty ? DottedSet.Empty : DottedSetCodec.Decode(state);
    }

    public static IEnumerable<string> Values(DottedSet set) =>
        set.Siblings.Where(sibling => !sibling.IsTombstone).Select(sibling => Encoding.UTF8.GetString(Engine.Ranges.StoredValue.Read(sibling.Stored).Value.Span));

    public static IEnumerable<string> Values(EventualReadResult result) => result.State.IsEmpty ? [] : Values(DottedSetCodec.Decode(result.State));

    public PartitionRepair Repair(string node) => new(Replica(node), new Links(this, node), Options, Time);

    public ExchangeReport Exchange(string node, string partner) =>
        Run(Repair(node).ExchangeAsync(Configuration.All.First(replica => replica.Node == partner), Configuration, CancellationToken.None));

    public int? Round(string node, params string[] hintKeepers) =>
        Run(new TombstoneRound(Replica(node), new Links(this, node), Options, Repair(node), Configuration, new Guid(++_rounds, 1, 0, new byte[8])).RunAsync(Timestamp.Max, hintKeepers, CancellationToken.None));

    public HandoffReport HandOff(string node, ReplicaDescriptor target) => Run(NewHandoff(node).RunAsync(target, CancellationToken.None));

    public void TellLost(string node) => Run(ToldAsync(node));

    /// <summary>Runs all work, and lets time pass, until the task is complete.</summary>
    public T Run<T>(Task<T> task)
    {
        for (var passed = 0; !task.IsCompleted && passed < 10_000; passed += 50)
        {
            Work();
            if (!task.IsCompleted)
                Time.Advance(TimeSpan.FromMilliseconds(50));
        }

        Work();
        return task.IsCompleted ? task.GetAwaiter().GetResult() : throw new TimeoutException("it does not complete");
    }

    public void Work()
    {
        while (_work.TryDequeue(out var work))
            work();
    }

    private async Task<bool> ToldAsync(string node)
    {
        await NewHandoff(node).TellLostAsync();
        return true;
    }

    private Handoff NewHandoff(string node) => new(Hints[node], new Links(this, node), _ => Configuration, Options, Time);

    private sealed class Links(EventualTrio trio, string from) : IEventualTransport
    {
        public bool IsReachable(string node) => !trio.Dead.Contains(node);

        public Task<MergeAnswer?> MergeAsync(RangeId partition, ReplicaDescriptor to, MergeRequest request) => CallAsync(to, request, replica => replica.MergeAsync(request));

        public Task<StateAnswer?> ReadAsync(RangeId partition, ReplicaDescriptor to, StateRequest request) => CallAsync(to, request, replica => Task.FromResult(replica.Read(request)));

        public Task<ExchangeAnswer?> OpenExchangeAsync(RangeId partition, ReplicaDescriptor to, ExchangeRequest request) => CallAsync(to, request, replica => replica.OpenExchangeAsync(request));

        public Task<TreeAnswer?> GetTreeAsync(RangeId partition, ReplicaDescriptor to, TreeRequest request) => CallAsync(to, request, replica => Task.FromResult(replica.GetTree(request)));

        public Task<LeafAnswer?> GetLeafAsync(RangeId partition, ReplicaDescriptor to, LeafRequest request) => CallAsync(to, request, replica => Task.FromResult(replica.GetLeaf(request)));

        public Task<StatesAnswer?> GetStatesAsync(RangeId partition, ReplicaDescriptor to, StatesRequest request) => CallAsync(to, request, replica => Task.FromResult(replica.GetStates(request)));

        public Task<RoundAnswer?> StepAsync(RangeId partition, ReplicaDescriptor to, RoundRequest request) => CallAsync(to, request, replica => replica.StepAsync(request));

        public Task<RequestAnswer?> FindRequestAsync(RangeId partition, ReplicaDescriptor to, RequestQuery query) => CallAsync(to, query, replica => Task.FromResult(replica.FindRequest(query)));

        public async Task<bool?> MarkForRepairAsync(RangeId partition, ReplicaDescriptor to) =>
            await CallAsync<string>(to, "mark", async replica => await replica.MarkForRepairAsync() ? "noted" : "failed") is { } answer ? answer == "noted" : null;

        public async Task<HintAnswer?> StoreHintAsync(string node, Hint hint) => IsCut(node) ? null : await trio.Hints[node].StoreAsync(hint);

        public async Task<CloseHintsAnswer?> CloseHintsAsync(string node, CloseHintsRequest request) => IsCut(node) ? null : await trio.Hints[node].CloseAsync(request);

        /// <summary>A cut link behaves as a call that timed out at once; a cut way back loses the answer only.</summary>
        private async Task<T?> CallAsync<T>(ReplicaDescriptor to, object request, Func<EventualReplica, Task<T>> call)
            where T : class
        {
            if (IsCut(to.Node) || !trio.Replicas.TryGetValue(to.Id, out var replica))
                return null;
            trio.Messages.Add(request);
            if (trio.Delays.TryGetValue(to.Node, out var delay))
                await Task.Delay(delay, trio.Time);
            var answer = await call(replica);
            return trio._cut.Contains((to.Node, from)) ? null : answer;
        }

        private bool IsCut(string to) => trio._cut.Contains((from, to)) || trio.Dead.Contains(to);
    }
}
