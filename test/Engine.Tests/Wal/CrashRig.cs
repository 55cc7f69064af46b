using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Replicas;
using Xunit;

namespace GrainDb.Engine.Tests.Wal;

/// <summary>One thing that a replica does to its log.</summary>
internal abstract record LogStep
{
    public sealed record Append(int Records, ulong Epoch) : LogStep;

    public sealed record TruncateSuffix(ulong From) : LogStep;

    public sealed record Checkpoint(ulong Lsn) : LogStep;

    public sealed record TruncatePrefix(ulong KeepFrom) : LogStep;

    public sealed record Reopen : LogStep;
}

/// <summary>
/// Runs steps on a disk until they end or the machine stops, beside a naive model: the list of records that were acknowledged. After
/// a stop the recovered log must be the model before or after the one step that was under way: nothing acknowledged is
/// missing, nothing is there by half.
/// </summary>
internal sealed class CrashRig
{
    private ulong _newestCheckpoint;
    private ulong _olderCheckpoint;

    /// <summary>What was acknowledged.</summary>
    public List<Entry> Acknowledged { get; private set; } = [];

    /// <summary>What the log may hold instead because a step was under way.</summary>
    public List<Entry> UnderWay { get; private set; } = [];

    /// <summary>Whether the steps ran to their end.</summary>
    public bool Finished { get; private set; }

    public void Run(FaultyFileSystem disk, IEnumerable<LogStep> steps)
    {
        try
        {
            var log = TestLog.Open(disk);
            foreach (var step in steps) log = Take(disk, log, step);
            log.Dispose();
            Finished = !disk.Crashed; // closing swallows it
        }
        catch (SimulatedCrashException)
        {
            // the point of it
        }
        catch (Exception exception) when (exception is WalBrokenException or WalIOException)
        {
            // the machine stopped, or a call failed, inside the log
        }
    }

    /// <summary>Opens the log after a crash and compares.</summary>
    public void Check(FaultyFileSystem disk)
    {
        List<Entry> found;
        using (var log = TestLog.Open(disk))
        {
            found = log.ReadAll();
            Assert.True(log.FirstLsn.Value <= _olderCheckpoint + 1 || log.CheckpointLsn.Value >= _newestCheckpoint, "the log was truncated too far");
            var first = log.FirstLsn.Value;
            if (!found.SequenceEqual(Acknowledged.Where(e => e.Lsn >= first))) Assert.Equal(UnderWay.Where(e => e.Lsn >= first), found);
            Acknowledged = UnderWay = [.. Acknowledged.Where(e => e.Lsn < first), .. found];
            found.AddRange(log.Append(2, found.Count == 0 ? 1 : found[^1].Epoch));
            Acknowledged = UnderWay = [.. Acknowledged.Where(e => e.Lsn < first), .. found];
        }

        // It is a log like any other afterwards.
        using var again = TestLog.Open(disk);
        Assert.Equal(found, again.ReadAll());
        Assert.Equal(0, again.Recovery.TornBytes);
    }

    private WriteAheadLog Take(FaultyFileSystem disk, WriteAheadLog log, LogStep step)
    {
        switch (step)
        {
            case LogStep.Append append:
                var epoch = Math.Max(append.Epoch, log.LastEpoch.Value);
                UnderWay = [.. Acknowledged, .. TestLog.Entries(log.LastLsn.Value + 1, append.Records, epoch)];
                log.Append(append.Records, epoch);
                break;
            case LogStep.TruncateSuffix { From: var from } when from > log.CheckpointLsn.Value && from >= log.FirstLsn.Value:
                UnderWay = [.. Acknowledged.Where(e => e.Lsn < from)];
                log.TruncateSuffix(new Lsn(from));
                break;
            case LogStep.Checkpoint { Lsn: var lsn } when lsn <= log.LastLsn.Value && lsn > log.CheckpointLsn.Value:
                (_olderCheckpoint, _newestCheckpoint) = (_newestCheckpoint, lsn);
                log.WriteCheckpoint(lsn, "one block", $"state at {lsn}");
                break;
            case LogStep.TruncatePrefix prefix:
                log.TruncatePrefix(new Lsn(prefix.KeepFrom));
                break;
            case LogStep.Reopen:
                log.Dispose();
                log = TestLog.Open(disk);
                break;
        }

        Acknowledged = UnderWay;
        return log;
    }
}
