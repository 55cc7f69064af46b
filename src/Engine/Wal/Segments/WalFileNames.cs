using System.Globalization;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>The names inside a replica's directory. Names that end in <see cref="TemporarySuffix"/> mean nothing after a crash and are removed.</summary>
internal static class WalFileNames
{
    public const string TemporarySuffix = ".tmp";
    public const string HardStateA = "hard-state-a";
    public const string HardStateB = "hard-state-b";
    public const string SuffixTruncation = "truncate-suffix";
    public const string Discard = "discard";
    public const string InstallCheckpoint = "install.ckpt";
    public const string InstallSegment = "install.log";

    private const string AsidePrefix = "aside-";
    private const string SegmentPrefix = "wal-";
    private const string SegmentSuffix = ".log";
    private const string CheckpointPrefix = "checkpoint-";
    private const string CheckpointSuffix = ".ckpt";
    private const int Digits = 20;

    public static string Segment(Lsn firstLsn) => SegmentPrefix + firstLsn.Value.ToString("D20", CultureInfo.InvariantCulture) + SegmentSuffix;

    public static string Checkpoint(Lsn lsn) => CheckpointPrefix + lsn.Value.ToString("D20", CultureInfo.InvariantCulture) + CheckpointSuffix;

    public static bool TryParseSegment(string name, out Lsn firstLsn) => TryParse(name, SegmentPrefix, SegmentSuffix, out firstLsn);

    public static bool TryParseCheckpoint(string name, out Lsn lsn) => TryParse(name, CheckpointPrefix, CheckpointSuffix, out lsn);

    public static bool IsTemporary(string name) =>
        name.EndsWith(TemporarySuffix, StringComparison.Ordinal)
        && (name.StartsWith(SegmentPrefix, StringComparison.Ordinal)
            || name.StartsWith(CheckpointPrefix, StringComparison.Ordinal)
            || name is SuffixTruncation + TemporarySuffix or Discard + TemporarySuffix or InstallCheckpoint + TemporarySuffix);

    /// <summary>The files that make up a log and its checkpoints, those of unfinished changes included; hard states and the mark of a discard are none.</summary>
    public static bool IsPartOfLog(string name) =>
        TryParseSegment(name, out _) || TryParseCheckpoint(name, out _) || IsTemporary(name) || name is SuffixTruncation or InstallCheckpoint or InstallSegment;

    /// <summary>The name under which a damaged file is kept, and means nothing to any log.</summary>
    public static string Aside(string name) => AsidePrefix + name;

    /// <summary>A file that was put aside.</summary>
    public static bool IsAside(string name) => name.StartsWith(AsidePrefix, StringComparison.Ordinal);

    private static bool TryParse(string name, string prefix, string suffix, out Lsn lsn)
    {
        lsn = Lsn.Zero;
        if (name.Length != prefix.Length + Digits + suffix.Length) return false;
        if (!name.StartsWith(prefix, StringComparison.Ordinal) || !name.EndsWith(suffix, StringComparison.Ordinal)) return false;
        if (!ulong.TryParse(name.AsSpan(prefix.Length, Digits), NumberStyles.None, CultureInfo.InvariantCulture, out var value)) return false;
        lsn = new(value);
        return true;
    }
}
