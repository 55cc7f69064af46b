using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Tests.Wal;

/// <summary>A record in a form that compares by value and prints.</summary>
internal sealed record Entry(ulong Lsn, ulong Epoch, ulong Timestamp, byte Type, byte Flags, string Payload)
{
    public static Entry Of(WalRecord record) => new(
        record.Lsn.Value, record.Epoch.Value, record.Timestamp.Value, record.Type, record.Flags, Convert.ToHexString(record.Payload.Span));
}

/// <summary>What the tests of the log share: one replica's identity, small segments, records that follow from their LSN.</summary>
internal static class TestLog
{
    public const string Directory = "/data/node1/ranges/7";

    public static readonly RangeId Range = new(7);
    public static readonly Guid Incarnation = new("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0");

    public static readonly WalOptions Small = new() { FirstSegmentBytes = 4096, MaxSegmentBytes = 8192, MinCheckpointBytes = 4096, ReservedFreeBytes = 0 };

    public static WriteAheadLog Open(IWalFileSystem disk) => WriteAheadLog.Open(Small, disk, Directory, Range, Incarnation);

    /// <summary>The record of an LSN in a given epoch; lengths vary from empty to a few hundred bytes.</summary>
    public static Entry EntryAt(ulong lsn, ulong epoch)
    {
        var payload = new byte[lsn * 37 % 211];
        new Random((int)(lsn + (epoch << 16))).NextBytes(payload);
        return new(lsn, epoch, (lsn << 16) + epoch, (byte)(1 + (lsn % 5)), (byte)(lsn % 3), Convert.ToHexString(payload));
    }

    public static List<Entry> Entries(ulong first, int count, ulong epoch) =>
        [.. Enumerable.Range(0, count).Select(i => EntryAt(first + (ulong)i, epoch))];

    public static WalBatch Batch(IEnumerable<Entry> entries)
    {
        var batch = new WalBatch();
        foreach (var entry in entries)
            batch.Add(entry.Type, entry.Flags, new Epoch(entry.Epoch), new Lsn(entry.Lsn), new Timestamp(entry.Timestamp), Convert.FromHexString(entry.Payload));
        return batch;
    }

    /// <summary>Appends records after the last one, in one batch.</summary>
    public static List<Entry> Append(this WriteAheadLog log, int count, ulong epoch = 1)
    {
        var entries = Entries(log.LastLsn.Value + 1, count, epoch);
        using var batch = Batch(entries);
        log.Append(batch);
        return entries;
    }

    public static List<Entry> ReadAll(this WriteAheadLog log) => [.. log.ReplayFrom(log.FirstLsn).Select(Entry.Of)];

    public static void WriteCheckpoint(this WriteAheadLog log, ulong lsn, params string[] blocks)
    {
        using var writer = log.BeginCheckpoint(new Lsn(lsn), System.Text.Encoding.UTF8.GetBytes($"meta {lsn}"));
        foreach (var block in blocks) writer.WriteBlock(System.Text.Encoding.UTF8.GetBytes(block));
        writer.Commit();
    }

    public static void InstallSnapshot(this WriteAheadLog log, ulong lsn, ulong epoch, ulong timestamp, params string[] blocks)
    {
        using var install = log.BeginInstall(new Lsn(lsn), new Epoch(epoch), new Timestamp(timestamp), System.Text.Encoding.UTF8.GetBytes($"meta {lsn}"));
        foreach (var block in blocks) install.WriteBlock(System.Text.Encoding.UTF8.GetBytes(block));
        install.Commit();
    }

    public static List<string> Segments(IWalFileSystem disk) =>
        [.. disk.ListFiles(Directory).Where(f => f.StartsWith("wal-", StringComparison.Ordinal)).Select(f => Directory + "/" + f)];
}
