using CsCheck;
using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using Xunit;

namespace GrainDb.Engine.Tests.Ranges;

public sealed class RangeFailureTests
{
    [Fact]
    public void A_failed_sync_leaves_outcomes_unknown_and_ends_the_range()
    {
        var rig = RangeRig.New();
        rig.Write(RangeRig.Put("k", "1"));
        rig.Disk.Faults = operation => operation.Kind == DiskOperationKind.SyncFile ? DiskFault.InputOutput : DiskFault.None;

        var lost = rig.Write(RangeRig.Put("k", "2")).Failure!;
        var after = rig.Write(RangeRig.Put("k", "3")).Failure!;

        Assert.Equal((ErrorCode.OutcomeUnknown, Outcome.Unknown), (lost.Code, lost.Outcome));
        Assert.Equal((ErrorCode.Corruption, Outcome.NotApplied), (after.Code, after.Outcome));
        Assert.Equal(ErrorCode.Corruption, rig.BeginRead("k").Answered().Failure!.Code);
    }

    [Fact]
    public void A_full_disk_refuses_writes_serves_reads_and_heals()
    {
        var rig = RangeRig.New();
        rig.Write(RangeRig.Put("k", "1"));
        rig.Disk.CapacityBytes = rig.Disk.UsedBytes;

        Failure? refused = null;
        for (var i = 0; refused is null; i++)
            refused = rig.Write(RangeRig.Put($"fill{i}", new string('x', 1000))).Failure;

        Assert.Equal((ErrorCode.Unavailable, Outcome.NotApplied), (refused.Code, refused.Outcome));
        Assert.Equal("1", rig.Read("k"));
        rig.Disk.CapacityBytes = long.MaxValue;
        Assert.Null(rig.Write(RangeRig.Put("k", "2")).Failure);
        Assert.Equal("2", rig.Restart(rig.Disk.AfterProcessKill()).Read("k"));
    }

    [Fact]
    public void A_refusal_that_rested_on_a_lost_proposal_does_not_speak_of_it()
    {
        var rig = RangeRig.New();
        rig.Disk.CapacityBytes = rig.Disk.UsedBytes;
        Failure? full = null;
        Task<WriteResult>? first = null;
        Task<WriteResult>? second = null;
        for (var i = 0; full is null; i++)
        {
            var mustNotExist = new WriteCondition(ConditionKind.NotExists, default);
            first = rig.Begin(RangeRig.Put($"k{i}", new string('x', 1000), mustNotExist));
            second = rig.Begin(RangeRig.Put($"k{i}", "other", mustNotExist));
            rig.Flush();
            full = first.Answered().Failure;
        }

        Assert.Equal(ErrorCode.Unavailable, first!.Answered().Failure!.Code);
        Assert.Equal(ErrorCode.Unavailable, second!.Answered().Failure!.Code);
    }

    /// <summary>Power is lost at any operation of any workload: what was answered is there, and nothing is half there.</summary>
    [Fact]
    public void After_a_power_loss_everything_answered_is_there() =>
        Gen.Select(Gen.Int[0, 9].Array[1, 60], Gen.Int[1, 400], Gen.Int).Sample((keys, crashAfter, seed) =>
        {
            var rig = RangeRig.New();
            var stopAt = rig.Disk.Operations + crashAfter;
            rig.Disk.Faults = operation => operation.Index >= stopAt ? DiskFault.Crash : DiskFault.None;
            var acknowledged = new Dictionary<string, (string Value, Timestamp Version)>();
            var attempted = new Dictionary<string, HashSet<string>>();
            for (var i = 0; i < keys.Length && !rig.Disk.Crashed; i++)
            {
                var (a, b, value) = ($"a{keys[i]}", $"b{keys[i]}", $"v{i}");
                foreach (var key in new[] { a, b })
                {
                    if (!attempted.TryGetValue(key, out var values))
                        attempted[key] = values = [];
                    values.Add(value);
                }

                var result = rig.Write(RangeRig.Put(a, value), RangeRig.Put(b, value));
                if (result.Failure is null)
                    acknowledged[a] = acknowledged[b] = (value, result.Version);
                if (i % 10 == 9 && !rig.Disk.Crashed)
                    TryCheckpoint(rig);
            }

            var after = rig.Restart(rig.Disk.AfterPowerLoss(CrashOutcome.Random(seed)));
            Assert.Null(after.StartFailure);
            foreach (var (key, (value, version)) in acknowledged)
            {
                Assert.Equal(value, after.Read(key, version));
                Assert.Contains(after.Read(key)!, attempted[key]);
            }

            for (var i = 0; i < 10; i++)
                Assert.Equal(after.Read($"a{i}"), after.Read($"b{i}"));
        }, iter: 300);

    private static void TryCheckpoint(RangeRig rig)
    {
        try
        {
            rig.Replica.Checkpoint(CancellationToken.None);
        }
        catch (Exception exception) when (rig.Disk.Crashed && exception is SimulatedCrashException or IOException or GrainDb.Engine.Wal.WalBrokenException)
        {
            // The machine stopped in the middle of it.
        }
    }
}
