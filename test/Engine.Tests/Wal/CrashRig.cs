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

    public sealed record Install(ulong Lsn, ulong Epoch) : LogStep;

    public sealed record TruncatePrefix(ulong KeepFrom) : LogStep;

    public sealed record Reopen : LogStep;
}

/// <summary>What a log holds: a snapshot's LSN (zero: it began empty) and every record since, truncated prefixes included.</summary>
internal sealed record LogContent(ulong Snapshot, List<Entry> Entries)
{
    public ulong LastLsn => Entries.Count == 0 ? Snapshot : Entries[^1].Lsn;

    /// <summary>Whether a log shows this; of the records those that it retains.</summary>
    public bool IsShownBy(WriteAheadLog log, List<Entry> read) =>
        log.LastLsn.Value == LastLsn && log.FirstLsn.Value > Snapshot && log.CheckpointLsn.Value >= Snapshot && read.SequenceEqual(From(log.FirstLsn.Value));

    public LogContent Append(List<Entry> entries) => this with { Entries = [.. Entries, .. entries] };

    public LogContent Before(ulong lsn) => this with { Entries = [.. Entries.Where(e => e.Lsn < lsn)] };

    public IEnumerable<Entry> From(ulong lsn) => Entries.Where(e => e.Lsn >= lsn);
}

/// <summary>
/// Runs steps on a disk until they end or the machine stops, beside a naive model: the records that were acknowledged. After
/// a stop the recovered log must be the model before or after the one step that was under way: nothing acknowledged is
/// missing, nothing is there by half.
/// </summary>
internal sealed class CrashRig
{
    private ulong _newestCheckpoint;
    private ulong _olderCheckpoint;

    /// <summary>What was acknowledged.</summary>
    public LogContent Acknowledged { get; private set; } = new(0, []);

    /// <summary>What the log may hold instead because a step was under way.</summary>
    public LogContent UnderWay { get; private set; } = new(0, []);

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
            if (!Acknowledged.IsShownBy(log, found))
            {
                Acknowledged = UnderWay;
                if (Acknowledged is { Snapshot: > 0 and var snapshot, Entries.Count: 0 }) (_olderCheckpoint, _newestCheckpoint) = (snapshot, snapshot);
            }

            Assert.Equal(Acknowledged.From(log.FirstLsn.Value), found);
            Assert.True(Acknowledged.IsShownBy(log, found), $"last {log.LastLsn} checkpoint {log.CheckpointLsn} of {Acknowledged.LastLsn}, snapshot {Acknowledged.Snapshot}");
            Assert.True(log.FirstLsn.Value <= _olderCheckpoint + 1 || log.CheckpointLsn.Value >= _newestCheckpoint, "the log was truncated too far");
            Assert.DoesNotContain(disk.ListFiles(TestLog.Directory), f => f.StartsWith("install", StringComparison.Ordinal) || f.EndsWith(".tmp", StringComparison.Ordinal));
            CheckNewest(log);
            var more = log.Append(2, Math.Max(1, log.LastEpoch.Value));
            found.AddRange(more);
            Acknowledged = UnderWay = Acknowledged.Append(more);
        }

        // It is a log like any other afterwards.
        using var again = TestLog.Open(disk);
        Assert.Equal(found, again.ReadAll());
        Assert.Equal(0, again.Recovery.TornBytes);
    }

    private static void CheckNewest(WriteAheadLog log)
    {
        using var reader = log.OpenNewestCheckpoint();
        Assert.Equal(log.CheckpointLsn.Value, reader?.Lsn.Value ?? 0);
        if (reader is null) return;
        Assert.Empty(reader.PassedOver);
        Assert.Equal(["one block", $"state at {reader.Lsn}"], reader.ReadBlocks().Select(b => System.Text.Encoding.UTF8.GetString(b.Span)));
    }

    private WriteAheadLog Take(FaultyFileSystem disk, WriteAheadLog log, LogStep step)
    {
        switch (step)
        {
            case LogStep.Append append:
                var epoch = Math.Max(append.Epoch, log.LastEpoch.Value);
                UnderWay = Acknowledged.Append(TestLog.Entries(log.LastLsn.Value + 1, append.Records, epoch));
                log.Append(append.Records, epoch);
                break;
            case LogStep.TruncateSuffix { From: var from } when from > log.CheckpointLsn.Value && from >= log.FirstLsn.Value:
                UnderWay = Acknowledged.Before(from);
                log.TruncateSuffix(new Lsn(from));
                break;
            case LogStep.Checkpoint { Lsn: var lsn } when lsn <= log.LastLsn.Value && lsn > log.CheckpointLsn.Value:
                (_olderCheckpoint, _newestCheckpoint) = (_newestCheckpoint, lsn);
                log.WriteCheckpoint(lsn, "one block", $"state at {lsn}");
                break;
            case LogStep.Install install:
                UnderWay = new(install.Lsn, []);
                log.InstallSnapshot(install.Lsn, install.Epoch, timestamp: 1, "one block", $"state at {install.Lsn}");
                (_olderCheckpoint, _newestCheckpoint) = (install.Lsn, install.Lsn);
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
