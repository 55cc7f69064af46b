using System.Text;
using CsCheck;
using GrainDb.Engine.Eventual;
using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using Xunit;

namespace GrainDb.Engine.Tests.Eventual;

/// <summary>The machine of one replica stops anywhere; what was acknowledged is there, and no dot names two writes.</summary>
public sealed class EventualCrashTests
{
    private static readonly string[] Keys = ["a", "b", "c", "d"];

    private static readonly Gen<string> AnyKey = Gen.Int[0, Keys.Length - 1].Select(index => Keys[index]);

    private static readonly Gen<Step> AnyStep = Gen.Frequency(
        (6, Gen.Select(AnyKey, Gen.Bool, Gen.Int[1, 200], (key, seen, bytes) => (Step)new Step.Put(key, seen, bytes))),
        (2, AnyKey.Select(key => (Step)new Step.Delete(key))),
        (3, Gen.Select(AnyKey, Gen.ULong[1, 30], (key, counter) => (Step)new Step.Merge(key, counter))),
        (1, Gen.Const((Step)new Step.Round())),
        (1, Gen.Const((Step)new Step.Checkpoint())),
        (1, Gen.Const((Step)new Step.Repair())));

    private abstract record Step
    {
        public sealed record Put(string Key, bool Seen, int Bytes) : Step;

        public sealed record Delete(string Key) : Step;

        public sealed record Merge(string Key, ulong Counter) : Step;

        public sealed record Round : Step;

        public sealed record Checkpoint : Step;

        public sealed record Repair : Step;
    }

    [Fact]
    public void A_crash_before_every_operation_loses_nothing_acknowledged()
    {
        var operations = RunToEnd().Operations;
        for (var operation = 0; operation < operations; operation++)
        {
            foreach (var outcome in new[] { CrashOutcome.LoseUnsynced, CrashOutcome.KeepUnsynced, CrashOutcome.Random(operation) })
                CrashAndCheck(new() { Faults = o => o.Index == operation ? DiskFault.Crash : DiskFault.None }, outcome);
        }
    }

    [Fact]
    public void A_crash_at_every_seventh_byte_loses_nothing_acknowledged()
    {
        var bytes = RunToEnd().BytesWritten;
        for (var crashAt = 1L; crashAt <= bytes; crashAt += 7)
            CrashAndCheck(new() { CrashAtByte = crashAt }, (crashAt % 3) switch { 0 => CrashOutcome.LoseUnsynced, 1 => CrashOutcome.KeepUnsynced, _ => CrashOutcome.Random((int)crashAt) });
    }

    [Fact]
    public void Any_workload_survives_any_number_of_crashes() =>
        Gen.Select(Gen.Select(AnyStep.List[1, 25], Gen.Int[0, 60], Gen.Int).List[1, 5], Gen.Bool).Sample((lives, torn) =>
        {
            var life = new Life();
            var disk = new FaultyFileSystem();
            foreach (var (steps, stop, seed) in lives)
            {
                if (torn)
                    disk.CrashAtByte = stop * 97L;
                else
                    disk.Faults = o => o.Index == stop ? DiskFault.Crash : DiskFault.None;
                life.Run(disk, steps, EventualFaults.None);
                disk = disk.AfterPowerLoss(CrashOutcome.Random(seed));
                life.Check(disk);
                disk = disk.AfterPowerLoss(CrashOutcome.LoseUnsynced);
            }
        }, iter: 1500);

    /// <summary>The checks are not blind: an acknowledgement before the sync is found.</summary>
    [Fact]
    public void An_acknowledgement_before_the_sync_is_noticed()
    {
        var noticed = 0;
        var operations = RunToEnd().Operations;
        for (var operation = 0; operation < operations; operation++)
        {
            var disk = new FaultyFileSystem { Faults = o => o.Index == operation ? DiskFault.Crash : DiskFault.None };
            var life = new Life();
            life.Run(disk, [.. Workload.Where(step => step is not Step.Checkpoint)], EventualFaults.AckBeforeSync); // a checkpoint needs the log that this error has not written yet
            try
            {
                life.Check(disk.AfterPowerLoss(CrashOutcome.LoseUnsynced));
            }
            catch (Xunit.Sdk.XunitException)
            {
                noticed++;
            }
        }

        Assert.True(noticed > 10, $"noticed {noticed} times");
    }

    private static List<Step> Workload { get; } =
    [
        new Step.Put("a", false, 20), new Step.Put("a", false, 90), new Step.Merge("a", 3), new Step.Put("a", true, 10), new Step.Put("b", false, 200), new Step.Delete("b"), new Step.Checkpoint(),
        new Step.Round(), new Step.Put("b", false, 150), new Step.Merge("c", 7), new Step.Delete("c"), new Step.Repair(), new Step.Checkpoint(), new Step.Put("c", false, 100), new Step.Put("d", true, 180),
        new Step.Delete("a"), new Step.Delete("d"), new Step.Round(), new Step.Put("d", false, 170), new Step.Checkpoint(), new Step.Put("a", true, 190), new Step.Merge("d", 9), new Step.Put("d", true, 160),
    ];

    private static FaultyFileSystem RunToEnd()
    {
        var disk = new FaultyFileSystem();
        var life = new Life();
        life.Run(disk, Workload, EventualFaults.None);
        Assert.True(life.Finished);
        life.Check(disk.AfterPowerLoss(CrashOutcome.LoseUnsynced));
        return disk;
    }

    private static void CrashAndCheck(FaultyFileSystem disk, CrashOutcome outcome)
    {
        var life = new Life();
        life.Run(disk, Workload, EventualFaults.None);
        Assert.False(life.Finished);
        life.Check(disk.AfterPowerLoss(outcome));
    }

    /// <summary>One incarnation through all its restarts, beside what it acknowledged.</summary>
    private sealed class Life
    {
        private readonly Dictionary<string, DottedSet> _acknowledged = Keys.ToDictionary(key => key, _ => DottedSet.Empty);
        private readonly Dictionary<Dot, string> _minted = [];
        private ReplicaStanding _standing = ReplicaStanding.First;
        private HashSet<string> _underWay = [];
        private int _round;

        public bool Finished { get; private set; }

        public void Run(FaultyFileSystem disk, List<Step> steps, EventualFaults faults)
        {
            try
            {
                var rig = new ReplicaRig(disk, ConflictPolicy.Siblings, ReplicaStanding.First, faults);
                foreach (var step in steps)
                    Take(rig, step);
                Finished = !disk.Crashed;
            }
            catch (Exception exception) when (exception is SimulatedCrashException or WalBrokenException or WalIOException or StoppedException)
            {
                // the point of it
            }
        }

        public void Check(FaultyFileSystem disk)
        {
            var rig = new ReplicaRig(disk, ConflictPolicy.Siblings, ReplicaStanding.First);
            Assert.True(rig.Replica.VerifyTree());
            foreach (var key in Keys)
            {
                var found = rig.Read(key);
                if (!_underWay.Contains(key))
                    Assert.Equal(_acknowledged[key], found);
                else if (!found.IsEmpty)
                    Assert.True(found.Covers(_acknowledged[key]), $"{found} of {_acknowledged[key]}");
                else
                    Assert.All(_acknowledged[key].Siblings, sibling => Assert.True(sibling.IsTombstone));
                Note(found);
                _acknowledged[key] = found;
            }

            var standing = rig.Replica.Standing;
            Assert.True(standing.Epoch >= _standing.Epoch && standing.Floor >= _standing.Floor && standing.Configuration >= _standing.Configuration);
            _standing = standing;
            _underWay = [];

            // It is a replica like any other afterwards, and what it mints is new.
            Take(rig, new Step.Put("a", Seen: false, 5));
            rig.Replica.Dispose();
        }

        private void Take(ReplicaRig rig, Step step)
        {
            switch (step)
            {
                case Step.Put put:
                    _underWay = [put.Key];
                    Accept(put.Key, rig.Write(ReplicaRig.Put(put.Key, $"{_minted.Count} {new string('x', put.Bytes)}", put.Seen ? CausalContext.Of(_acknowledged[put.Key], System.Text.Encoding.UTF8.GetBytes(put.Key)).Encode() : default)));
                    break;
                case Step.Delete delete:
                    _underWay = [delete.Key];
                    Accept(delete.Key, rig.Write(ReplicaRig.Delete(delete.Key)));
                    break;
                case Step.Merge merge:
                    _underWay = [merge.Key];
                    var sibling = new Sibling(new Dot(new Guid(9, 0, 0, new byte[8]), merge.Counter), new Timestamp(merge.Counter), IsTombstone: false, Timestamp.Zero, "\0m"u8.ToArray());
                    var state = DottedSet.Empty.Write(VersionVector.Empty, sibling);
                    var request = new MergeRequest(ReplicaRig.Id, 1, _standing.Epoch, [new(Encoding.UTF8.GetBytes(merge.Key), DottedSetCodec.Encode(state))]);
                    ThrowIf(rig.Run(rig.Replica.MergeAsync(request)).Outcome != EventualOutcome.Done);
                    _acknowledged[merge.Key] = _acknowledged[merge.Key].Merge(state);
                    break;
                case Step.Round:
                    Collect(rig);
                    break;
                case Step.Repair:
                    ThrowIf(!rig.Run(rig.Replica.MarkForRepairAsync()));
                    _standing = rig.Replica.Standing;
                    break;
                case Step.Checkpoint:
                    rig.Checkpoint();
                    break;
            }

            _underWay = [];
        }

        private void Collect(ReplicaRig rig)
        {
            var round = new Guid(++_round, 0, 0, new byte[8]);
            ThrowIf(rig.Step(RoundStep.Begin, round).Outcome != EventualOutcome.Done);
            ThrowIf(rig.Step(RoundStep.Enter, round, _standing.Epoch + 1).Outcome != EventualOutcome.Done);
            _standing = rig.Replica.Standing;
            _underWay = [.. Keys.Where(key => _acknowledged[key].Siblings.All(sibling => sibling.IsTombstone))];
            ThrowIf(rig.Step(RoundStep.Collect, round, _standing.Epoch).Outcome != EventualOutcome.Done);
            _standing = rig.Replica.Standing;
            foreach (var key in _underWay)
                _acknowledged[key] = DottedSet.Empty;
        }

        private void Accept(string key, LocalWrite write)
        {
            ThrowIf(write.Failure is not null);
            _acknowledged[key] = DottedSetCodec.Decode(write.State);
            Note(_acknowledged[key]);
        }

        private void Note(DottedSet set)
        {
            foreach (var sibling in set.Siblings.Where(sibling => sibling.Dot.Actor == ReplicaRig.Id))
            {
                var what = $"{sibling.IsTombstone} {Encoding.UTF8.GetString(sibling.Stored.Span)}";
                if (!_minted.TryAdd(sibling.Dot, what))
                    Assert.Equal(_minted[sibling.Dot], what);
            }
        }

        private static void ThrowIf(bool stopped)
        {
            if (stopped)
                throw new StoppedException();
        }
    }

    private sealed class StoppedException : Exception;
}
