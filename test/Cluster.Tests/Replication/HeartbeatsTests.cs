using GrainDb.Grains.Replicas;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Cluster.Tests.Replication;

public sealed class HeartbeatsTests
{
    [Fact]
    public async Task WhatComesWhileCallsAreUnderWayGoesTogetherInTheNext()
    {
        var node = new FakeNode();
        var heartbeats = new Heartbeats(() => node);
        var calls = await OccupyAsync(node, heartbeats);

        var others = Enumerable.Range(2, 5).Select(range => heartbeats.SendAsync(new RangeId(range), Heartbeat(range))).ToList();
        calls[0].Answer();
        (await node.NextCallAsync()).Answer();

        Assert.Equal([2, 3, 4, 5, 6], (await Task.WhenAll(others)).Select(answer => (int)answer!.DurableLsn.Value));
        Assert.Equal([1, 1, 1, 1, 5], node.Calls.Select(made => made.Length));
    }

    [Fact]
    public async Task ACallThatTakesLongHoldsUpNobodyElse()
    {
        var node = new FakeNode();
        var heartbeats = new Heartbeats(() => node);
        var slow = heartbeats.SendAsync(new RangeId(1), Heartbeat(1));
        await node.NextCallAsync();

        var other = heartbeats.SendAsync(new RangeId(2), Heartbeat(2));
        (await node.NextCallAsync()).Answer();

        Assert.Equal(new Lsn(2), (await other)!.DurableLsn);
        Assert.False(slow.IsCompleted);
    }

    [Fact]
    public async Task ANodeThatCannotBeCalledIsSilentForAllItsReplicas()
    {
        var node = new FakeNode();
        var heartbeats = new Heartbeats(() => node);
        var first = heartbeats.SendAsync(new RangeId(1), Heartbeat(1));
        (await node.NextCallAsync()).Fail(new TimeoutException());

        Assert.Null(await first);
        Assert.Null(await new Heartbeats(() => null).SendAsync(new RangeId(1), Heartbeat(1)));
    }

    [Fact]
    public async Task AfterAFailureTheNextOnesAreSent()
    {
        var node = new FakeNode();
        var heartbeats = new Heartbeats(() => node);
        var failed = heartbeats.SendAsync(new RangeId(1), Heartbeat(1));
        (await node.NextCallAsync()).Fail(new TimeoutException());
        await failed;

        var next = heartbeats.SendAsync(new RangeId(1), Heartbeat(7));
        (await node.NextCallAsync()).Answer();

        Assert.Equal(new Lsn(7), (await next)!.DurableLsn);
    }

    [Fact]
    public async Task AnswersThatAreNotOneForEachAreNone()
    {
        var node = new FakeNode();
        var sent = new Heartbeats(() => node).SendAsync(new RangeId(1), Heartbeat(1));

        (await node.NextCallAsync()).Answer(count: 0);

        Assert.Null(await sent);
    }

    [Fact]
    public async Task ACallHasABound()
    {
        var node = new FakeNode();
        var heartbeats = new Heartbeats(() => node);
        var sent = new List<Task<AppendAnswer?>>();
        var calls = await OccupyAsync(node, heartbeats);

        for (var range = 1; range <= RangeHeartbeat.MaxPerCall + 1; range++)
            sent.Add(heartbeats.SendAsync(new RangeId(range), Heartbeat(range)));
        calls[0].Answer();
        (await node.NextCallAsync()).Answer();
        (await node.NextCallAsync()).Answer();

        Assert.DoesNotContain(await Task.WhenAll(sent), answer => answer is null);
        Assert.Equal([RangeHeartbeat.MaxPerCall, 1], node.Calls.Skip(Heartbeats.MaxCalls).Select(made => made.Length));
    }

    /// <summary>As many calls as may be, each with one heartbeat.</summary>
    private static async Task<List<Call>> OccupyAsync(FakeNode node, Heartbeats heartbeats)
    {
        var calls = new List<Call>();
        for (var i = 0; i < Heartbeats.MaxCalls; i++)
        {
            heartbeats.SendAsync(new RangeId(1), Heartbeat(1)).Ignore();
            calls.Add(await node.NextCallAsync());
        }

        return calls;
    }

    private static AppendRequest Heartbeat(int lsn) => new()
    {
        Replica = Guid.Empty,
        Epoch = new Epoch(1),
        Leader = Candidate.None,
        PrevLsn = new Lsn((ulong)lsn),
    };

    /// <summary>A call that waits for what the test makes of it.</summary>
    private sealed class Call(RangeHeartbeat[] heartbeats)
    {
        private readonly TaskCompletionSource<AppendAnswer[]> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Length => heartbeats.Length;

        public Task<AppendAnswer[]> Result => _answer.Task;

        public void Answer(int? count = null) => _answer.SetResult(
            [.. heartbeats.Take(count ?? heartbeats.Length).Select(heartbeat => new AppendAnswer { Outcome = AppendOutcome.Accepted, DurableLsn = heartbeat.Append.PrevLsn })]);

        public void Fail(Exception exception) => _answer.SetException(exception);
    }

    private sealed class FakeNode : INodeGrain
    {
        private readonly System.Threading.Channels.Channel<Call> _arrived = System.Threading.Channels.Channel.CreateUnbounded<Call>();

        public List<Call> Calls { get; } = [];

        public async Task<Call> NextCallAsync() => await _arrived.Reader.ReadAsync(TestContext.Current.CancellationToken);

        public Task<AppendAnswer[]> HeartbeatAsync(RangeHeartbeat[] heartbeats)
        {
            var call = new Call(heartbeats);
            Calls.Add(call);
            _arrived.Writer.TryWrite(call);
            return call.Result;
        }

        public Task<Failure?> CreateReplicasAsync(ReplicaCreation creation) => throw new NotSupportedException();

        public Task<Failure?> RemoveReplicaAsync(RangeId range, Guid replica, Epoch epoch) => throw new NotSupportedException();

        public Task<MetaReplicaOffer> OfferMetaReplicaAsync(Guid former) => throw new NotSupportedException();

        public Task<MetaKnowledge> GetMetaKnowledgeAsync() => throw new NotSupportedException();

        public Task RetireReplicasAsync(RangeId[] ranges) => throw new NotSupportedException();

        public Task<TransactionMemories> FindTransactionAsync(TransactionId transaction) => throw new NotSupportedException();

        public Task<TransactionMemories> FenceTransactionAsync(TransactionId transaction) => throw new NotSupportedException();

        public Task<HintAnswer> StoreHintAsync(Hint hint) => throw new NotSupportedException();

        public Task<CloseHintsAnswer> CloseHintsAsync(CloseHintsRequest request) => throw new NotSupportedException();

        public Task<NodeConflicts> GetConflictsAsync(ConflictQuery query) => throw new NotSupportedException();

        public Task<NodeReport> ReportAsync() => throw new NotSupportedException();
    }
}
