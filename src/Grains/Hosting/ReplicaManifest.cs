using System.Text.Json;
using System.Text.Json.Serialization;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Grains.Hosting;

/// <summary>
/// Which replicas this node has, in <c>manifest.json</c>. A replica is listed before its directory is made, and marked when its log exists,
/// before its first record: one that is marked and missing was lost, and is never taken for a new, empty one. The owner synchronizes.
/// </summary>
internal sealed class ReplicaManifest
{
    private const string FileName = "manifest.json";

    private readonly IWalFileSystem _files;
    private readonly string _path;
    private SortedDictionary<long, Entry> _entries;

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
    public void Add(IEnumerable<RangeId> ranges) => Change(entries =>
    {
        foreach (var range in ranges)
            entries.TryAdd(range.Value, new Entry(Guid.NewGuid(), IsOpened: false));
    });

    public void MarkOpened(RangeId range) => Change(entries => entries[range.Value] = entries[range.Value] with { IsOpened = true });

    public void Remove(RangeId range) => Change(entries => entries.Remove(range.Value));

    /// <summary>On disk first: what memory says is never ahead of it.</summary>
    private void Change(Action<SortedDictionary<long, Entry>> change)
    {
        var changed = new SortedDictionary<long, Entry>(_entries);
        change(changed);
        if (changed.SequenceEqual(_entries))
            return;
        DurableFile.Replace(_files, _path, JsonSerializer.SerializeToUtf8Bytes(changed, ReplicaManifestJson.Default.SortedDictionaryInt64Entry));
        _entries = changed;
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(SortedDictionary<long, ReplicaManifest.Entry>))]
internal sealed partial class ReplicaManifestJson : JsonSerializerContext;
