using System.Text.Json;
using GrainDb.Engine.Wal;
using GrainDb.Grains.Hosting;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Grains.Meta;

/// <summary>Where the meta range is.</summary>
/// <param name="MetaRange">Its descriptor.</param>
/// <param name="AsOf">Version of the meta range in which that was found first (<see cref="MetaSnapshot.Version"/>); zero where it was not found there.</param>
internal sealed record MetaPlace(RangeDescriptor MetaRange, ulong AsOf);

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

    /// <summary>Whether a node that knows one thing should rather know the other.</summary>
    public static bool IsNews(MetaPlace found, MetaPlace known) =>
        IsFormed(found.MetaRange) && (!IsFormed(known.MetaRange) || (found.AsOf > known.AsOf && !IsSame(found.MetaRange, known.MetaRange)));

    private static bool IsSame(RangeDescriptor left, RangeDescriptor right) => left.Generation == right.Generation && left.Replicas.AsSpan().SequenceEqual(right.Replicas);

    public static MetaPlace? Load(IWalFileSystem files, string directory)
    {
        var path = Path.Combine(directory, FileName);
        if (!files.FileExists(path))
            return null;
        try
        {
            var bytes = DurableFile.ReadAll(files, path);
            using var json = JsonDocument.Parse(bytes);
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("metaRange", out _)
                ? MetaRows.Decode<MetaPlace>(bytes)
                : new MetaPlace(MetaRows.Decode<RangeDescriptor>(bytes), AsOf: 0); // of before there was a version in it
        }
        catch (Exception exception) when (exception is JsonException or InvalidDataException)
        {
            throw new WalCorruptionException(path, 0, exception.Message);
        }
    }

    public static void Save(IWalFileSystem files, string directory, MetaPlace place) =>
        DurableFile.Replace(files, Path.Combine(directory, FileName), MetaRows.Encode(place));
}
