using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Replicas;
using Xunit;

namespace GrainDb.Engine.Tests.Wal;

/// <summary>
/// Files of every format version that was ever written, byte for byte. A version's fixture never changes: what it holds must stay
/// readable. The newest version is also what is written today.
/// </summary>
public sealed class FormatFixtureTests
{
    [Fact]
    public void The_newest_version_of_each_file_is_what_is_written()
    {
        var disk = new FaultyFileSystem();
        Write(disk);
        foreach (var (name, expected) in Newest.Files) Assert.Equal(expected.Content, Convert.ToHexString(Trimmed(disk.ReadAll(TestLog.Directory + "/" + name), expected.Length)));
        Assert.Equal(Newest.Files.Keys.Order(StringComparer.Ordinal), disk.ListFiles(TestLog.Directory));
    }

    [Fact]
    public void Version_1_is_read() => Reads(Version1.Files, checkpointTimestamp: 0x30001); // it has none: that of the log, which is an upper bound

    [Fact]
    public void The_newest_versions_are_read() => Reads(Newest.Files, checkpointTimestamp: 0x30001);

    [Fact]
    public void A_stored_timestamp_stands_when_the_log_went_on()
    {
        var disk = new FaultyFileSystem();
        Write(disk);
        using var log = TestLog.Open(disk);
        log.Append(1, epoch: 2);
        using var reader = log.OpenNewestCheckpoint()!;
        Assert.Equal((0x30001ul, 0x40002ul), (reader.Timestamp.Value, log.LastTimestamp.Value));
    }

    private static void Reads(Dictionary<string, (int Length, string Content)> files, ulong checkpointTimestamp)
    {
        var disk = new FaultyFileSystem();
        DurableDirectory.Create(disk, TestLog.Directory);
        foreach (var (name, stored) in files)
        {
            using var file = disk.Create(TestLog.Directory + "/" + name);
            file.Write(0, Convert.FromHexString(stored.Content));
            file.SetLength(stored.Length);
            if (name.StartsWith("hard-state", StringComparison.Ordinal)) file.Write(stored.Length - 4, Convert.FromHexString(Version1.HardStateCrc));
        }

        using var log = TestLog.Open(disk);
        Assert.Equal(Records(), log.ReadAll());
        Assert.True(log.Recovery.ClosedCleanly);
        using var reader = log.OpenNewestCheckpoint()!;
        Assert.Equal((2ul, 1ul, checkpointTimestamp, "meta 2"), (reader.Lsn.Value, reader.Epoch.Value, reader.Timestamp.Value, System.Text.Encoding.UTF8.GetString(reader.Meta.Span)));
        Assert.Equal(["block one", "2"], reader.ReadBlocks().Select(b => System.Text.Encoding.UTF8.GetString(b.Span)));
        var state = HardStateFile.Open(disk, TestLog.Directory, TestLog.Range, TestLog.Incarnation).Read()!;
        Assert.Equal((4ul, "node2", TestLog.Incarnation, 1, "A5"), (state.PromisedEpoch.Value, state.PromisedNode, state.PromisedNonce, state.ReplicaState, Convert.ToHexString(state.Extension.Span)));
    }

    private static List<Entry> Records() => [new(1, 1, 0x10000, 1, 0, "AA"), new(2, 1, 0x20000, 2, 1, ""), new(3, 2, 0x30001, 1, 0, "0102030405060708090A")];

    private static void Write(FaultyFileSystem disk)
    {
        using (var log = TestLog.Open(disk))
        {
            foreach (var part in new[] { Records()[..2], Records()[2..] })
            {
                using var batch = TestLog.Batch(part);
                log.Append(batch);
            }

            log.WriteCheckpoint(2, "block one", "2");
        }

        HardStateFile.Open(disk, TestLog.Directory, TestLog.Range, TestLog.Incarnation).Write(new(new Epoch(4), "node2", TestLog.Incarnation, 1, new byte[] { 0xA5 }));
    }

    /// <summary>The content up to its trailing zeros; of a hard state without the CRC that stands at the very end.</summary>
    private static ReadOnlySpan<byte> Trimmed(byte[] bytes, int length)
    {
        Assert.Equal(length, bytes.Length);
        var isHardState = bytes.AsSpan(0, 7).SequenceEqual("GRDBHST"u8);
        if (isHardState) Assert.Equal(Version1.HardStateCrc, Convert.ToHexString(bytes.AsSpan(length - 4)));
        var content = isHardState ? bytes.AsSpan(0, length - 4) : bytes;
        return content[..(content.LastIndexOfAnyExcept((byte)0) + 1)];
    }

    /// <summary>Version 2 of checkpoints, 1 of everything else.</summary>
    private static class Newest
    {
        private const string Checkpoint = "checkpoint-00000000000000000002.ckpt";

        public static readonly Dictionary<string, (int Length, string Content)> Files = new(Version1.Files)
        {
            [Checkpoint] = (148,
                "47524442434B500A020000005200000007000000000000000F1E2D3C4B5A69788796A5B4C3D2E1F0020000000000000001000000000000000600000000000000" +
                "01000300000000006D6574612032402453C409000000462F8748626C6F636B206F6E65010000006BCB40653200000000AFBC0A9902000000000000000A000000" +
                "00000000020000000000000047524442434B450A"),
        };
    }

    private static class Version1
    {
        public const string HardStateCrc = "0315351E";

        public static readonly Dictionary<string, (int Length, string Content)> Files = new()
        {
            ["checkpoint-00000000000000000002.ckpt"] = (140,
                "47524442434B500A010000004A00000007000000000000000F1E2D3C4B5A69788796A5B4C3D2E1F0020000000000000001000000000000000600000000000000" +
                "6D657461203262B2792309000000462F8748626C6F636B206F6E65010000006BCB40653200000000AFBC0A9902000000000000000A0000000000000002000000" +
                "0000000047524442434B450A"),
            ["hard-state-a"] = (4096,
                "475244424853540A010005000100010007000000000000000F1E2D3C4B5A69788796A5B4C3D2E1F0010000000000000004000000000000000F1E2D3C4B5A6978" +
                "8796A5B4C3D2E1F06E6F646532A5"),
            ["hard-state-b"] = (4096,
                "475244424853540A010005000100010007000000000000000F1E2D3C4B5A69788796A5B4C3D2E1F0010000000000000004000000000000000F1E2D3C4B5A6978" +
                "8796A5B4C3D2E1F06E6F646532A5"),
            ["wal-00000000000000000001.log"] = (4096,
                "4752444257414C0A010000004800000007000000000000000F1E2D3C4B5A69788796A5B4C3D2E1F0010000000000000000000000000000000000000000000000" +
                "00000000EFF7804A42544348D935455D0100000000000000020000005000000023000000170F743B010001000000000000000100000000000000000001000000" +
                "0000AA000000000022000000EE3E948A020101000000000000000200000000000000000002000000000000000000000042544348D194761B0300000000000000" +
                "01000000300000002C000000226813E001000200000000000000030000000000000001000300000000000102030405060708090A00000000434C4F535880F7B9" +
                "04"),
        };
    }
}
