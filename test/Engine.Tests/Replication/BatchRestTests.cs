using GrainDb.Engine.Ranges;
using GrainDb.Engine.Replication;
using GrainDb.Engine.Tests.Ranges;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace GrainDb.Engine.Tests.Replication;

public sealed class BatchRestTests
{
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(2);

    private readonly FakeTimeProvider _time = new();
    private readonly BatchRest _rest;

    public BatchRestTests() => _rest = new BatchRest(Longest, _time);

    [Theory]
    [InlineData(1)]
    [InlineData(BatchRest.Fewest - 1)]
    public void AFewClientsNeverWait(int clients)
    {
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(TimeSpan.Zero, _rest.For(waiting: 1));
            Batch(records: 1, waiting: clients - 1, milliseconds: 20);
        }
    }

    [Fact]
    public void WhereMoreIsToComeItRestsAMultipleOfTheBatchBeforeWithinTheBound()
    {
        Batch(records: 8, waiting: 3, milliseconds: 0.4);
        Assert.Equal(TimeSpan.FromMilliseconds(BatchRest.Multiple * 0.4), _rest.For(waiting: 3));
        Batch(records: 8, waiting: 3, milliseconds: 50);
        Assert.Equal(Longest, _rest.For(waiting: 3));
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(TimeSpan.FromMilliseconds(1), _rest.For(waiting: 3));
        _time.Advance(TimeSpan.FromMilliseconds(0.6));
        Assert.Equal(TimeSpan.Zero, _rest.For(waiting: 3));
    }

    [Fact]
    public void ItEndsWhenAsManyWaitAsWerePendingAtOnce()
    {
        Batch(records: 5, waiting: 3, milliseconds: 2);

        Assert.NotEqual(TimeSpan.Zero, _rest.For(waiting: 7));
        Assert.Equal(TimeSpan.Zero, _rest.For(waiting: 8));
    }

    [Fact]
    public void WhoeverWentAwayIsSoonNotWaitedFor()
    {
        Batch(records: 64, waiting: 0, milliseconds: 2);
        var batches = 0;
        for (; batches < 100 && _rest.For(waiting: 1) > TimeSpan.Zero; batches++)
            Batch(records: 1, waiting: 0, milliseconds: 2);

        Assert.InRange(_rest.Expected, 1, BatchRest.Fewest - 1);
        Assert.InRange(batches, 2, 30);
    }

    [Fact]
    public void QuickBatchesDoNotRest()
    {
        Batch(records: 8, waiting: 8, milliseconds: 0.1);

        Assert.Equal(TimeSpan.Zero, _rest.For(waiting: 1));
    }

    [Fact]
    public void RecordsLeaveWhenTheirNumberIsCompleteWithoutAnyTimePassing()
    {
        var (trio, leader, behind) = Resting();

        var last = trio.Begin(leader, RangeRig.Put("d", "v"));
        trio.Work();

        Assert.All([.. behind, last], task => Assert.Null(trio.Run(task, milliseconds: 0).Failure));
    }

    [Fact]
    public void OrWhenTheRestIsOver()
    {
        var (trio, _, behind) = Resting();

        trio.Time.Advance(ReplicationOptions.Default.LongestBatchRest);
        trio.Work();

        Assert.All(behind, task => Assert.Null(trio.Run(task, milliseconds: 0).Failure));
    }

    [Fact]
    public void MuchDoesNotWaitForMore()
    {
        var (trio, _, behind) = Waiting(ReplicationOptions.Default with { MaxAppendBytes = 50 });

        Assert.All(behind, task => Assert.Null(trio.Run(task, milliseconds: 0).Failure));
    }

    [Fact]
    public void ATimerOfAnEarlierRestDoesNoHarm()
    {
        var (trio, leader, behind) = Resting();
        var last = trio.Begin(leader, RangeRig.Put("d", "v"));
        trio.Work();

        trio.Time.Advance(ReplicationOptions.Default.LongestBatchRest);
        trio.Work();

        Assert.All([.. behind, last], task => Assert.Null(trio.Run(task, milliseconds: 0).Failure));
        Assert.Null(trio.Run(trio.Begin(leader, RangeRig.Put("e", "v"))).Failure);
        Assert.False(leader.IsStopped);
    }

    [Fact]
    public void ALeaderThatHandsOverSendsWhatRests()
    {
        var (trio, leader, behind) = Resting();

        var handed = HandOver(leader);
        trio.Run(handed);

        Assert.All(behind, task => Assert.Null(trio.Run(task, milliseconds: 0).Failure));
    }

    [Fact]
    public void WhatRestsWhenAnotherLeadsWasNeverSent()
    {
        var (trio, leader, behind) = Resting();
        var (own, log) = (trio.Replicas["node1"], trio.Replicas["node1"].Replica.Log);
        var before = log.LastLsn;

        own.Append(new AppendRequest
        {
            Replica = own.Id,
            Epoch = new Epoch(leader.Epoch.Value + 1),
            Leader = new Candidate("node2", Guid.NewGuid()),
            PrevLsn = log.LastLsn,
            PrevEpoch = log.LastEpoch,
            Clock = trio.Replicas["node2"].Replica.Clock.Now(),
        });
        trio.Time.Advance(ReplicationOptions.Default.LongestBatchRest);
        trio.Work();

        Assert.All(behind, task => Assert.Equal(Outcome.NotApplied, trio.Run(task, milliseconds: 0).Failure?.Outcome));
        Assert.All(trio.Replicas.Values, replica => Assert.Equal(before, replica.Replica.Log.LastLsn));
    }

    /// <summary>A batch of one took long, and one record less waits behind it than were pending with it.</summary>
    private static (ReplicaTrio Trio, RangeLeader Leader, List<Task<WriteResult>> Behind) Resting()
    {
        var waiting = Waiting(ReplicationOptions.Default);
        Assert.DoesNotContain(waiting.Behind, write => write.IsCompleted);
        return waiting;
    }

    private static (ReplicaTrio Trio, RangeLeader Leader, List<Task<WriteResult>> Behind) Waiting(ReplicationOptions options)
    {
        var trio = new ReplicaTrio(options);
        var leader = trio.NewLeader("node1");
        Assert.Null(trio.Run(leader.StartAsync()));
        trio.Pass(500);
        trio.Cut("node1", "node2");
        trio.Cut("node1", "node3");
        var first = trio.Begin(leader, RangeRig.Put("a", "v"));
        trio.Work();
        var behind = Enumerable.Range(0, BatchRest.Fewest - 1).Select(i => trio.Begin(leader, RangeRig.Put($"b{i}", "v"))).ToList();
        trio.Pass(50);
        trio.Heal();
        while (!first.IsCompleted)
        {
            trio.Time.Advance(TimeSpan.FromMilliseconds(50));
            leader.Tick();
            trio.Work();
        }

        return (trio, leader, behind);
    }

    private static async Task<bool> HandOver(RangeLeader leader)
    {
        await leader.HandOverAsync("node2");
        return true;
    }

    private void Batch(int records, int waiting, double milliseconds)
    {
        _rest.Left();
        _time.Advance(TimeSpan.FromMilliseconds(milliseconds));
        _rest.Arrived(records, waiting);
    }
}
