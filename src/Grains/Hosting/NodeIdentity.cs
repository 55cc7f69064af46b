using System.Text.Json;
using System.Text.Json.Serialization;
using GrainDb.Engine.Wal;

namespace GrainDb.Grains.Hosting;

/// <summary>
/// Who a data directory is: <c>node.json</c>, written when the directory is first used and replaced whole when the node joins a
/// database. A directory that comes back empty is a new incarnation, and says so to everybody.
/// </summary>
/// <param name="Node">The node's stable name.</param>
/// <param name="Incarnation">Drawn when the directory is first used.</param>
/// <param name="DatabaseId">The database that it belongs to; null before it joined one.</param>
internal sealed record NodeIdentity(string Node, Guid Incarnation, Guid? DatabaseId)
{
    private const string FileName = "node.json";

    public static NodeIdentity LoadOrCreate(IWalFileSystem files, string directory, string node)
    {
        var path = Path.Combine(directory, FileName);
        if (!files.FileExists(path))
        {
            var created = new NodeIdentity(node, Guid.NewGuid(), null);
            created.Save(files, directory);
            return created;
        }

        NodeIdentity? identity;
        try
        {
            identity = JsonSerializer.Deserialize(DurableFile.ReadAll(files, path), NodeIdentityJson.Default.NodeIdentity);
        }
        catch (JsonException exception)
        {
            throw new WalCorruptionException(path, 0, exception.Message);
        }

        if (identity is null)
            throw new WalCorruptionException(path, 0, "no identity in it");
        if (identity.Node != node)
            throw new NodeStartException($"the data directory {directory} belongs to node '{identity.Node}', not to '{node}'");
        return identity;
    }

    public void Save(IWalFileSystem files, string directory) =>
        DurableFile.Replace(files, Path.Combine(directory, FileName), JsonSerializer.SerializeToUtf8Bytes(this, NodeIdentityJson.Default.NodeIdentity));
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(NodeIdentity))]
internal sealed partial class NodeIdentityJson : JsonSerializerContext;
