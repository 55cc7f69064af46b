using GrainDb.Interfaces.Keys;

namespace GrainDb.Grains.Meta;

/// <summary>One row of the meta range to put or to delete.</summary>
/// <param name="Key">The row's key.</param>
/// <param name="Row">Its encoded value; null deletes.</param>
internal readonly record struct MetaChange(string Key, byte[]? Row)
{
    public static MetaChange Put<T>(string key, T row) => new(key, MetaRows.Encode(row));

    public static MetaChange Delete(string key) => new(key, null);

    public KeyWrite ToWrite() => Row is null
        ? new KeyWrite(MetaRows.Bytes(Key), WriteKind.Delete, default, "", WriteCondition.None, null)
        : new KeyWrite(MetaRows.Bytes(Key), WriteKind.Put, Row, MetaRows.ContentType, WriteCondition.None, null);
}
