using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Ring;

namespace GrainDb.Grains.Meta;

/// <summary>
/// The one row that every change of the meta range replaces by compare-and-set: it orders the changes and makes each of them
/// conditional on everything that was read before it.
/// </summary>
/// <param name="DatabaseId">Drawn when the database is created; a node never joins another one.</param>
/// <param name="NextRangeId">Range ids are never reused.</param>
/// <param name="RingVersion">Grows with every change of a node's weight or state.</param>
internal sealed record CatalogRow(Guid DatabaseId, long NextRangeId, long RingVersion)
{
    /// <summary>Whether the default eventual keyspace was created once: it is not created again when it was deleted. A database of before has none.</summary>
    public bool HadCache { get; init; }

    /// <summary>The id that the first range behind the meta range gets.</summary>
    public const long FirstRangeId = 1;

    /// <summary>No keyspace was ever created: the default one is created now, and never again.</summary>
    public bool IsFresh => NextRangeId == FirstRangeId;
}

/// <summary>A keyspace.</summary>
/// <param name="Keyspace">Its configuration.</param>
/// <param name="State">Where it is in its life.</param>
internal sealed record KeyspaceRow(KeyspaceDescriptor Keyspace, KeyspaceState State);

/// <summary>Only an active keyspace is visible; the other states are finished by whoever began, or by one of the live nodes.</summary>
internal enum KeyspaceState
{
    Active,

    /// <summary>Its replicas are being made.</summary>
    Creating,

    /// <summary>Hidden; its ranges are being closed.</summary>
    Deleting,

    /// <summary>No transaction elsewhere depends on its ranges any more; its leaders are being ended.</summary>
    Closed,
}

/// <summary>A node of the topology.</summary>
/// <param name="Name">Stable name.</param>
/// <param name="Incarnation">GUID of its data directory.</param>
/// <param name="Region">Region.</param>
/// <param name="Weight">Relative capacity; this row decides, not the node's configuration.</param>
/// <param name="State">Topology state.</param>
/// <param name="Http">HTTP endpoint; null when it serves none.</param>
internal sealed record NodeRow(string Name, Guid Incarnation, string Region, double Weight, NodeState State, string? Http);

/// <summary>Keys and encoding of the meta range's rows.</summary>
internal static class MetaRows
{
    public const string ContentType = "application/json";

    public const string CatalogKey = "catalog";
    public const string KeyspacePrefix = "keyspace/";
    public const string RangePrefix = "range/";
    public const string NodePrefix = "node/";

    public static string KeyspaceKey(string name) => KeyspacePrefix + name;

    public static string RangeKey(RangeId range) => RangePrefix + range.Value.ToString("D20", CultureInfo.InvariantCulture);

    public static string NodeKey(string name) => NodePrefix + name;

    public static byte[] Bytes(string key) => Encoding.UTF8.GetBytes(key);

    public static byte[] Encode<T>(T row) => JsonSerializer.SerializeToUtf8Bytes(row, typeof(T), MetaRowsJson.Default);

    public static T Decode<T>(ReadOnlyMemory<byte> row) =>
        (T?)JsonSerializer.Deserialize(row.Span, typeof(T), MetaRowsJson.Default)
        ?? throw new InvalidDataException($"a {typeof(T).Name} of the meta range is null");
}

/// <remarks>Metadata only: the generated fast path writes a null byte array as an empty string.</remarks>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true,
    IgnoreReadOnlyProperties = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(CatalogRow))]
[JsonSerializable(typeof(KeyspaceRow))]
[JsonSerializable(typeof(NodeRow))]
[JsonSerializable(typeof(RangeDescriptor))]
[JsonSerializable(typeof(MetaPlace))]
internal sealed partial class MetaRowsJson : JsonSerializerContext;
