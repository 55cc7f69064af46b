namespace GrainDb.Engine.Tests.Wal.Disk;

/// <summary>Decides what of the unsynced changes a power loss leaves.</summary>
public abstract class CrashOutcome
{
    /// <summary>Nothing that was not synced.</summary>
    public static readonly CrashOutcome LoseUnsynced = new Constant(false);

    /// <summary>Everything, synced or not.</summary>
    public static readonly CrashOutcome KeepUnsynced = new Constant(true);

    /// <summary>Any subset, in sectors of 512 bytes and with torn sectors: later writes may survive earlier ones.</summary>
    public static CrashOutcome Random(int seed) => new Seeded(new Random(seed));

    /// <summary>Whether a change of metadata (a name, a length) survives.</summary>
    public abstract bool KeepsMetadata();

    /// <summary>Which bytes of one sector's share of a write survive: a prefix of it.</summary>
    public abstract int KeptBytes(int sectorBytes);

    private sealed class Constant(bool keep) : CrashOutcome
    {
        public override bool KeepsMetadata() => keep;

        public override int KeptBytes(int sectorBytes) => keep ? sectorBytes : 0;
    }

    private sealed class Seeded(Random random) : CrashOutcome
    {
        public override bool KeepsMetadata() => random.Next(2) == 0;

        public override int KeptBytes(int sectorBytes) => random.Next(5) switch
        {
            0 or 1 => 0,
            2 or 3 => sectorBytes,
            _ => random.Next(sectorBytes + 1),
        };
    }
}
