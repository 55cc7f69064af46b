using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Grains.Hosting;

/// <summary>
/// Which replicas this node has, and which it had, in <c>manifest.json</c>. A replica is listed before its directory is made, and
/// marked when its log exists, before its first record and its first promise: one that is marked and missing was lost, and is never
/// taken for a new, empty one; one that is not marked never told anybody anything.
/// <para>
/// A replica that is removed leaves its id while its range exists. The id is written before its files are deleted, so that a crash in
/// between leaves neither half a replica in use nor an id that could be created again.
/// </para>
/// The owner synchronizes.
/// </summary>
internal sealed class ReplicaManifest
{
    private const string FileName = "manifest.json";
    private const int Format = 3;

    /// <summary>Without eventual replicas.</summary>
    private const int OldestFormat = 2;

    private readonly IWalFileSystem _files;
    private readonly string _path;
    private Content _content;

    private ReplicaManifest(IWalFileSystem files, string path, Content content)
    {
        _files = files;
        _path = path;
        _content = content;
    }

    /// <summary>One replica.</summary>
    /// <param name="Id">Its id, as in the headers of its files.</param>
    /// <param name="IsOpened">Whether its log was ever opened: from then on its files must be there.</param>
    /// <param name="Initial">Who votes before any record of the log says so.</param>
    internal sealed record Entry(Guid Id, bool IsOpened, RangeConfiguration Initial)
    {
        /// <summary>The policy of its keyspace where that is eventual; null in a strong one. Fixed for its life.</summary>
        public ConflictPolicy? Conflict { get; init; }

        /// <summary>Whether it is a replica of an eventual keyspace.</summary>
        public bool IsEventual => Conflict is not null;
    }

    /// <summary>The file.</summary>
    /// <param name="Format">Version of this format.</param>
    /// <param name="Replicas">By range.</param>
    /// <param name="Removed">Ids that must not come back, by range.</param>
    /// <param name="MetaOfferedTo">The replica around which this node agreed to form the meta range; for good.</param>
    internal sealed record Content(
        int Format,
        ImmutableSortedDictionary<long, Entry> Replicas,
        ImmutableSortedDictionary<long, ImmutableArray<Guid>> Removed,
        Guid? MetaOfferedTo);

    public IReadOnlyDictionary<long, Entry> Replicas => _content.Replicas;

    /// <summary>The replica around which this node agreed to form the meta range.</summary>
    public Guid? MetaOfferedTo => _content.MetaOfferedTo;

    /// <summary>Replicas whose removal a crash interrupted.</summary>
    public IReadOnlyList<(RangeId Range, Guid Replica)> HalfRemoved =>
    [
        .. _content.Replicas
            .Where(replica => IsRemoved(new RangeId(replica.Key), replica.Value.Id))
            .Select(replica => (new RangeId(replica.Key), replica.Value.Id)),
    ];

    public static ReplicaManifest Load(IWalFileSystem files, string directory)
    {
        var path = Path.Combine(directory, FileName);
        if (!files.FileExists(path))
            return new(files, path, new Content(
                Format, ImmutableSortedDictionary<long, Entry>.Empty, ImmutableSortedDictionary<long, ImmutableArray<Guid>>.Empty, null));
        try
        {
            var content = JsonSerializer.Deserialize(DurableFile.ReadAll(files, path), ReplicaManifestJson.Default.Content);
            if (content is not { Format: >= OldestFormat and <= Format })
                throw new WalCorruptionException(path, 0, $"format {content?.Format}, this version reads formats {OldestFormat} to {Format}");
            return new(files, path, content with { Format = Format });
        }
        catch (JsonException exception)
        {
            throw new WalCorruptionException(path, exception.BytePositionInLine ?? 0, exception.Message);
        }
    }

    public Entry? Find(RangeId range) => _content.Replicas.GetValueOrDefault(range.Value);

    public bool IsRemoved(RangeId range, Guid replica) =>
        _content.Removed.TryGetValue(range.Value, out var removed) && removed.Contains(replica);

    /// <summary>
    /// Lists new replicas, all or none; those that are listed stay. One that was never opened gives way to another: nobody can have heard
    /// of it.
    /// </summary>
    /// <returns>Why none was listed; null when all are.</returns>
    public Failure? Add(IReadOnlyList<PlannedReplica> planned)
    {
        var replicas = _content.Replicas.ToBuilder();
        var removed = _content.Removed;
        foreach (var plan in planned)
        {
            var (range, id, initial) = plan;
            var existing = replicas.GetValueOrDefault(range.Value);
            if (IsRemoved(range, id))
                return Failure.NotApplied(ErrorCode.RangeMoved, $"replica {id} of range {range} was removed from this node and does not come back");
            if (existing is { IsOpened: true } && existing.Id != id)
                return Failure.NotApplied(ErrorCode.RangeMoved, $"range {range} has replica {existing.Id} on this node; it has to be removed before replica {id} is created");
            if (existing?.Id == id)
                continue;
            if (existing is not null)
                removed = WithRemoved(removed, range, existing.Id);
            replicas[range.Value] = new Entry(id, IsOpened: false, initial) { Conflict = plan.Conflict };
        }

        Write(_content with { Replicas = replicas.ToImmutable(), Removed = removed });
        return null;
    }

    /// <exception cref="InvalidOperationException">Another replica took its place meanwhile.</exception>
    public void MarkOpened(RangeId range, Guid replica)
    {
        if (Find(range) is not { } entry || entry.Id != replica)
            throw new InvalidOperationException($"replica {replica} of range {range} is not on this node any more");
        if (!entry.IsOpened)
            Write(_content with { Replicas = _content.Replicas.SetItem(range.Value, entry with { IsOpened = true }) });
    }

    /// <summary>Gives a replica that was never opened the configuration with which its range begins.</summary>
    public void SetInitial(RangeId range, Guid replica, RangeConfiguration initial)
    {
        if (Find(range) is not { IsOpened: false } entry || entry.Id != replica || entry.Initial != RangeConfiguration.Unknown)
            throw new InvalidOperationException($"replica {replica} of range {range} cannot be given a configuration any more");
        Write(_content with { Replicas = _content.Replicas.SetItem(range.Value, entry with { Initial = initial }) });
    }

    /// <summary>Commits this node to a replica around which the meta range is formed; the first one stays.</summary>
    public void OfferMeta(Guid former)
    {
        if (_content.MetaOfferedTo is null)
            Write(_content with { MetaOfferedTo = former });
    }

    /// <summary>First half of a removal: the id does not come back.</summary>
    public void Bury(RangeId range, Guid replica)
    {
        if (!IsRemoved(range, replica))
            Write(_content with { Removed = WithRemoved(_content.Removed, range, replica) });
    }

    /// <summary>Second half, after its files are gone.</summary>
    public void Unlist(RangeId range, Guid replica)
    {
        if (Find(range)?.Id == replica)
            Write(_content with { Replicas = _content.Replicas.Remove(range.Value) });
    }

    /// <summary>The range is gone, and its id is never used again.</summary>
    public void Forget(RangeId range) =>
        Write(_content with { Replicas = _content.Replicas.Remove(range.Value), Removed = _content.Removed.Remove(range.Value) });

    /// <summary>Ranges of which this node has, or had, a replica.</summary>
    public IReadOnlyList<RangeId> KnownRanges() => [.. _content.Replicas.Keys.Union(_content.Removed.Keys).Select(id => new RangeId(id))];

    private static ImmutableSortedDictionary<long, ImmutableArray<Guid>> WithRemoved(
        ImmutableSortedDictionary<long, ImmutableArray<Guid>> removed,
        RangeId range,
        Guid replica) =>
        removed.SetItem(range.Value, removed.TryGetValue(range.Value, out var known) ? known.Add(replica) : [replica]);

    /// <summary>On disk first: what memory says is never ahead of it.</summary>
    private void Write(Content changed)
    {
        if (changed == _content)
            return;
        DurableFile.Replace(_files, _path, JsonSerializer.SerializeToUtf8Bytes(changed, ReplicaManifestJson.Default.Content));
        _content = changed;
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, IgnoreReadOnlyProperties = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ReplicaManifest.Content))]
internal sealed partial class ReplicaManifestJson : JsonSerializerContext;
