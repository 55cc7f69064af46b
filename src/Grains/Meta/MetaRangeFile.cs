using System.Text.Json;
using GrainDb.Engine.Wal;
using GrainDb.Grains.Hosting;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Grains.Meta;

/// <summary>
/// <c>meta.json</c>: where this node last knew the meta range to be, which is where everything else is found. A hint: who is asked by mistake
/// says so, and the epochs of the replicas decide.
/// </summary>
internal static class MetaRangeFile
{
    private const string FileName = "meta.json";

    /// <summary>Before it is known: on the bootstrap nodes, under ids that nobody has.</summary>
    public static RangeDescriptor Unformed(IEnumerable<string> bootstrapNodes) =>
        Formed([.. bootstrapNodes.Select(node => new ReplicaDescriptor(node, Guid.Empty))]);

    /// <summary>As it begins.</summary>
    public static RangeDescriptor Formed(ReplicaDescriptor[] replicas) =>
        new(RangeId.Meta, SystemKeyspaces.Meta, [], null, Generation: 1, replicas);

    /// <summary>Whether the replicas are known.</summary>
    public static bool IsFormed(RangeDescriptor metaRange) => Array.TrueForAll(metaRange.Replicas, replica => replica.Id != Guid.Empty);

    public static bool IsNewer(RangeDescriptor metaRange, RangeDescriptor than) =>
        IsFormed(metaRange) && (!IsFormed(than) || metaRange.Generation > than.Generation);

    public static RangeDescriptor? Load(IWalFileSystem files, string directory)
    {
        var path = Path.Combine(directory, FileName);
        if (!files.FileExists(path))
            return null;
        try
        {
            return MetaRows.Decode<RangeDescriptor>(DurableFile.ReadAll(files, path));
        }
        catch (Exception exception) when (exception is JsonException or InvalidDataException)
        {
            throw new WalCorruptionException(path, 0, exception.Message);
        }
    }

    public static void Save(IWalFileSystem files, string directory, RangeDescriptor metaRange) =>
        DurableFile.Replace(files, Path.Combine(directory, FileName), MetaRows.Encode(metaRange));
}
