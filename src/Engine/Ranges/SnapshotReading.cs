using GrainDb.Engine.Mvcc;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Ranges;

/// <summary>Reading a store at a timestamp, as leaders and followers do. The caller holds the replica's gate.</summary>
internal static class SnapshotReading
{
    /// <summary>Slices after which other work gets a turn.</summary>
    public const int SlicesPerTurn = 8;

    /// <summary>Rows looked at under one hold of the gate.</summary>
    private const int ScanSliceRows = 512;

    /// <summary>Versions that one scan looks at, shown or not, before it ends its page.</summary>
    private const int MaxExaminedVersions = 500_000;

    public static ReadResult Get(MvccStore store, ReadOnlyMemory<byte> key, Timestamp at, ServedBy servedBy)
    {
        if (!store.TryGet(key.Span, at, out var version))
            return new ReadResult { ReadTimestamp = at, ServedBy = servedBy };
        var (contentType, value) = StoredValue.Read(version.Value);
        return new ReadResult
        {
            Found = true,
            Version = version.Timestamp,
            ContentType = contentType,
            Value = value,
            ReadTimestamp = at,
            ServedBy = servedBy,
        };
    }

    /// <summary>Adds up to a slice of rows to the page.</summary>
    /// <returns>Whether another slice is needed.</returns>
    public static bool ScanSlice(MvccStore store, ScanPage page, Timestamp at)
    {
        var rows = page.BeginSlice(ScanSliceRows);
        var resume = store.Scan(page.Start, page.End, page.End is not null, at, page.SliceLimit, page.BytesLeft, page.Request.Reverse, page.Request.KeysOnly, rows);
        return page.EndSlice(resume.ResumeKey, resume.Examined, MaxExaminedVersions);
    }
}
