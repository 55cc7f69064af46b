using System.Diagnostics;
using System.Text.Json;
using GrainDb.LoadTool.Batches;
using GrainDb.LoadTool.Http;
using GrainDb.LoadTool.Workloads;

namespace GrainDb.LoadTool.Commands;

/// <summary>
/// <c>loadtool import</c>: puts every object of a JSON array under a key made of a prefix and one of its fields, through
/// <c>POST /v1/batch</c>, and then counts by a scan whether all of them are there.
/// </summary>
internal static class ImportCommand
{
    private const int ScanPage = 1000;
    private const int MaxFileBytes = 64 * 1024 * 1024;

    private static readonly string[] Options =
        ["file", "array-path", "key-from", "prefix", "keyspace", "batch", .. ClientOptions.Names];

    /// <summary>Runs it.</summary>
    /// <returns>0 when everything was written and found again, else 1.</returns>
    public static async Task<int> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        var arguments = Arguments.Parse(args, Options, []);
        var clients = ClientOptions.From(arguments, 4);
        var keyspace = WorkloadOptions.KeyspaceName(arguments, "default");
        var prefix = arguments.Required("prefix");
        var batch = arguments.Integer("batch", 500, 1, BatchRequest.MaxOperations);
        using var document = Read(arguments.Required("file"));
        var records = Records(document.RootElement, arguments.Required("array-path"), arguments.Required("key-from"), prefix);

        var startedAt = Stopwatch.GetTimestamp();
        var requests = new Queue<(byte[] Request, int Count)>(Batches(records, keyspace, batch));
        var gate = new Lock();
        string? failure = null;
        await clients.ForEachClientAsync(
            async (_, session) =>
            {
                while (Volatile.Read(ref failure) is null)
                {
                    (byte[] Request, int Count) next;
                    lock (gate)
                    {
                        if (!requests.TryDequeue(out next))
                            return;
                    }

                    var error = await PatientClient.SendAsync(session, next.Request, cancellationToken)
                        ?? BatchRequest.FirstFailure(session.Response, next.Count);
                    if (error is not null)
                        Volatile.Write(ref failure, error);
                }
            },
            cancellationToken);
        if (failure is not null)
        {
            Console.Error.WriteLine($"loadtool: import into {keyspace}/{prefix} stopped by {failure}");
            return 1;
        }

        var seconds = Stopwatch.GetElapsedTime(startedAt).TotalSeconds;
        var missing = records.Keys.ToHashSet();
        var found = await ScanAsync(clients, keyspace, prefix, missing, cancellationToken);
        Console.WriteLine($"imported {records.Count} records into {keyspace}/{prefix} in {seconds:F2} s; a scan finds {found}");
        if (missing.Count == 0)
            return 0;
        Console.Error.WriteLine($"loadtool: {missing.Count} records are missing from the scan, the first is '{missing.Order().First()}'");
        return 1;
    }

    private static JsonDocument Read(string file)
    {
        var info = new FileInfo(file);
        if (!info.Exists || info.Length > MaxFileBytes)
            throw new UsageException($"--file {file}: must exist and hold at most {MaxFileBytes} bytes");
        try
        {
            return JsonDocument.Parse(File.ReadAllBytes(file));
        }
        catch (JsonException error)
        {
            throw new UsageException($"--file {file}: {error.Message}");
        }
    }

    private static Dictionary<string, JsonElement> Records(JsonElement root, string path, string keyField, string prefix)
    {
        if (!root.TryGetProperty(path, out var array) || array.ValueKind != JsonValueKind.Array)
            throw new UsageException($"--array-path {path}: the file has no such array");
        var records = new Dictionary<string, JsonElement>();
        foreach (var record in array.EnumerateArray())
        {
            if (!record.TryGetProperty(keyField, out var key) || key.ValueKind != JsonValueKind.String)
                throw new UsageException($"--key-from {keyField}: a record has no such text");
            if (!records.TryAdd(prefix + key.GetString(), record))
                throw new UsageException($"--key-from {keyField}: '{key.GetString()}' occurs twice");
        }

        return records;
    }

    private static IEnumerable<(byte[] Request, int Count)> Batches(Dictionary<string, JsonElement> records, string keyspace, int size)
    {
        foreach (var chunk in records.Chunk(size))
        {
            using var request = new BatchRequest(keyspace);
            foreach (var (key, value) in chunk)
                request.Put(key, value);
            yield return (request.ToRequest(), chunk.Length);
        }
    }

    /// <summary>Strikes what a scan by prefix finds off <paramref name="missing"/>, page by page.</summary>
    private static async Task<int> ScanAsync(
        ClientOptions clients, string keyspace, string prefix, HashSet<string> missing, CancellationToken cancellationToken)
    {
        var found = 0;
        await (clients with { Clients = 1 }).ForEachClientAsync(
            async (_, session) =>
            {
                var first = $"/v1/kv/{keyspace}?prefix={Uri.EscapeDataString(prefix)}&keysOnly=true&limit={ScanPage}";
                var path = first;
                while (path is not null)
                {
                    if (await PatientClient.SendAsync(session, RequestText.Get(path), cancellationToken) is { } error)
                        throw new InvalidDataException($"scan failed: {error}");
                    if (session.Response.Status != 200)
                        throw new InvalidDataException($"scan failed: {Problem.Read(session.Response).Code}");
                    using var page = JsonDocument.Parse(session.Response.Body.ToArray());
                    foreach (var item in page.RootElement.GetProperty("items").EnumerateArray())
                    {
                        missing.Remove(item.GetProperty("key").GetString()!);
                        found++;
                    }

                    path = page.RootElement.TryGetProperty("cursor", out var cursor) && cursor.ValueKind == JsonValueKind.String
                        ? $"{first}&cursor={Uri.EscapeDataString(cursor.GetString()!)}"
                        : null;
                }
            },
            cancellationToken);
        return found;
    }
}
