using System.Text.Json;
using System.Text.Json.Serialization;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Grains.Hosting;

/// <summary>
/// Which replicas this node has, in <c>manifest.json</c>. A replica is listed before its directory is used and marked before
/// its first record: one that is listed and missing was lost, and is never taken for a new, empty one. The owner synchronizes.
/// </summary>
internal sealed class ReplicaManifest
{
    private const string FileName = "manifest.json";

    private readonly IWalFileSystem _files;
    private readonly string _path;
    private readonly SortedDictionary<long, Entry> _entries;

    private ReplicaManifest(IWalFileSystem files, string path, SortedDictionary<long, Entry> entries)
    {
        _files = files;
        _path = path;
        _entries = entries;
    }

    /// <summary>One replica.</summary>
    /// <param name="Incarnation">Identity of the replica, as in the headers of its files.</param>
    /// <param name="IsOpened">Whether its log was ever opened: from then on its files must be there.</param>
    internal sealed record Entry(Guid Incarnation, bool IsOpened);

    public IEnumerable<RangeId> Ranges => _entries.Keys.Select(id => new RangeId(id));

    public bool IsEmpty => _entries.Count == 0;

    public static ReplicaManifest Load(IWalFileSystem files, string directory)
    {
        var path = Path.Combine(directory, FileName);
        if (!files.FileExists(path))
            return new(files, path, []);
        try
        {
            var entries = JsonSerializer.Deserialize(DurableFile.ReadAll(files, path), ReplicaManifestJson.Default.SortedDictionaryInt64Entry);
            return new(files, path, entries ?? throw new WalCorruptionException(path, 0, "no replicas in it"));
        }
        catch (JsonException exception)
        {
            throw new WalCorruptionException(path, exception.BytePositionInLine ?? 0, exception.Message);
        }
    }

    public Entry? Find(RangeId range) => _entries.GetValueOrDefault(range.Value);

    /// <summary>Lists new replicas; those that are listed stay.</summary>
    public void Add(IEnumerable<RangeId> ranges)
    {
        var changed = false;
        foreach (var range in ranges)
            changed |= _entries.TryAdd(range.Value, new Entry(Guid.NewGuid(), IsOpened: false));
        if (changed)
            Save();
    }

    public void MarkOpened(RangeId range)
    {
        _entries[range.Value] = _entries[range.Value] with { IsOpened = true };
        Save();
    }

    public void Remove(IEnumerable<RangeId> ranges)
    {
        var changed = false;
        foreach (var range in ranges)
            changed |= _entries.Remove(range.Value);
        if (changed)
            Save();
    }

    private void Save() => DurableFile.Replace(
        _files, _path, JsonSerializer.SerializeToUtf8Bytes(_entries, ReplicaManifestJson.Default.SortedDictionaryInt64Entry));
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(SortedDictionary<long, ReplicaManifest.Entry>))]
internal sealed partial class ReplicaManifestJson : JsonSerializerContext;
