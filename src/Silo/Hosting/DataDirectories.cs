using System.Text.Json;
using System.Text.Json.Serialization;
using GrainDb.Silo.Clustering;
using GrainDb.Silo.Configuration;

namespace GrainDb.Silo.Hosting;

/// <summary>Checks and locks directories before anything starts in them.</summary>
public static class DataDirectories
{
    /// <summary>Creates the directory when absent and proves that files can be written in it.</summary>
    /// <exception cref="StartRefusedException">It cannot be used.</exception>
    public static void RequireUsable(string setting, string directory)
    {
        var probe = Path.Combine(directory, $".writable-{Environment.ProcessId}");
        try
        {
            Directory.CreateDirectory(directory);
            File.WriteAllBytes(probe, [1]);
            File.Delete(probe);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new StartRefusedException($"{setting} {directory}: not a usable directory: {exception.Message.ReplaceLineEndings(" ")}", exception);
        }
    }

    /// <summary>
    /// Locks the embedded cluster's data directory for this process. The nodes lock theirs too; this lock also covers the membership that
    /// they share, and makes the refusal one line instead of three.
    /// </summary>
    public static FileLock LockEmbedded(EmbeddedOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var path = Path.Combine(options.DataDirectory, "embedded.lock");
        var held = FileLock.TryTake(path)
            ?? throw new StartRefusedException($"{Setting.Data.Option} {options.DataDirectory}: in use by another graindb process ({path} is locked)");
        held.Write($"{Environment.ProcessId}\n");
        return held;
    }

    /// <summary>
    /// Remembers how many nodes the embedded cluster in this directory has. Fewer would leave their ranges without a node, more would
    /// change the list of bootstrap nodes, which has to be the same for ever.
    /// </summary>
    /// <exception cref="StartRefusedException">The directory holds a cluster of another size.</exception>
    public static void RequireSameSize(EmbeddedOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var path = Path.Combine(options.DataDirectory, "embedded.json");
        if (!File.Exists(path))
        {
            var temporary = path + ".new";
            using (var file = File.Create(temporary))
            {
                JsonSerializer.Serialize(file, new EmbeddedCluster(options.Nodes), EmbeddedClusterJson.Default.EmbeddedCluster);
                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
            return;
        }

        EmbeddedCluster? known;
        try
        {
            known = JsonSerializer.Deserialize(File.ReadAllBytes(path), EmbeddedClusterJson.Default.EmbeddedCluster);
        }
        catch (JsonException exception)
        {
            throw new StartRefusedException($"{Setting.Data.Option} {options.DataDirectory}: {path} is damaged; it must hold {{\"nodes\":N}} with the number of nodes", exception);
        }

        if (known?.Nodes != options.Nodes)
            throw new StartRefusedException($"{Setting.Nodes.Option} {options.Nodes}: {options.DataDirectory} holds an embedded cluster of {known?.Nodes} nodes");
    }
}

/// <summary>Content of <c>embedded.json</c>.</summary>
internal sealed record EmbeddedCluster(int Nodes);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(EmbeddedCluster))]
internal sealed partial class EmbeddedClusterJson : JsonSerializerContext;
