using System.Collections.Concurrent;
using GrainDb.LoadTool.Durability;
using GrainDb.LoadTool.Http;

namespace GrainDb.LoadTool.Commands;

/// <summary><c>loadtool verify</c>: reads back what <c>loadtool record</c> wrote and compares it with what it was told.</summary>
internal sealed class VerifyCommand
{
    private const int MaxPrinted = 20;

    private static readonly string[] Options = ["history", .. ClientOptions.Names];
    private static readonly string[] Flags = ["every-version"];

    private readonly ConcurrentQueue<Violation> _violations = [];
    private readonly string _keyspace;
    private readonly bool _everyVersion;
    private readonly CancellationToken _cancellationToken;
    private int _versions;
    private int _collected;

    private VerifyCommand(string keyspace, bool everyVersion, CancellationToken cancellationToken) =>
        (_keyspace, _everyVersion, _cancellationToken) = (keyspace, everyVersion, cancellationToken);

    /// <summary>Runs it.</summary>
    /// <returns>0 when every promise was kept, else 1.</returns>
    public static async Task<int> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        var arguments = Arguments.Parse(args, Options, Flags);
        var clients = ClientOptions.From(arguments, 32);
        var path = arguments.Required("history");
        if (!File.Exists(path))
            throw new UsageException($"--history {path}: there is no such file");
        var (keyspace, records) = Read(path);

        var command = new VerifyCommand(keyspace, arguments.Has("every-version"), cancellationToken);
        var next = -1;
        await clients.ForEachClientAsync(
            async (_, session) =>
            {
                while (Interlocked.Increment(ref next) is var index && index < records.Count)
                    await command.VerifyAsync(session, records[index]);
            },
            cancellationToken);
        return command.Print(records);
    }

    private static (string Keyspace, List<KeyRecord> Records) Read(string path)
    {
        string? keyspace = null;
        var records = new Dictionary<string, KeyRecord>();
        foreach (var line in HistoryFile.Read(path))
        {
            if (line.Type == HistoryEvent.Header)
            {
                keyspace = line.Keyspace;
                continue;
            }

            if (!records.TryGetValue(line.Key!, out var record))
                records[line.Key!] = record = new(line.Key!);
            record.Add(line);
        }

        return keyspace is null || records.Count == 0
            ? throw new UsageException($"--history {path}: holds no writes")
            : (keyspace, [.. records.Values]);
    }

    private async Task VerifyAsync(HttpClientSession session, KeyRecord record)
    {
        var path = RequestText.KeyPath(_keyspace, record.Key);
        if (await ReadAsync(session, record, path))
        {
            Report(record.Judge(VersionIn(session.Response), session.Response.Body));
            Interlocked.Increment(ref _versions);
        }

        if (!_everyVersion)
            return;
        foreach (var (sequence, version) in record.Acknowledged)
        {
            if (!await ReadAsync(session, record, $"{path}?asOf={version}"))
                continue;
            Interlocked.Increment(ref _versions);
            if (session.Response.Status == 410)
                Interlocked.Increment(ref _collected);
            else
                Report(record.JudgeAsOf(sequence, version, VersionIn(session.Response), session.Response.Body));
        }
    }

    private async Task<bool> ReadAsync(HttpClientSession session, KeyRecord record, string path)
    {
        var error = await PatientClient.SendAsync(session, RequestText.Get(path), _cancellationToken);
        if (error is null && session.Response.Status is not (200 or 404 or 410))
            error = Problem.Read(session.Response).Code;
        if (error is null && session.Response.Status == 404 && Problem.Read(session.Response).Code is not "key_not_found" and var code)
            error = code;
        Report(error is null ? null : new(ViolationKind.Unreadable, record.Key, error));
        return error is null;
    }

    private static string? VersionIn(ResponseParser response) => response.Status == 200 ? response.EntityTag() ?? "" : null;

    private void Report(Violation? violation)
    {
        if (violation is not null)
            _violations.Enqueue(violation);
    }

    private int Print(List<KeyRecord> records)
    {
        var acknowledged = records.Sum(record => record.Acknowledged.Count());
        Console.WriteLine($"verified {records.Count} keys with {acknowledged} acknowledged writes by {_versions} reads; {_collected} old versions already collected");
        foreach (var group in _violations.GroupBy(violation => violation.Kind).OrderBy(group => group.Key))
            Console.WriteLine($"VIOLATION {group.Key}: {group.Count()}");
        foreach (var violation in _violations.Take(MaxPrinted))
            Console.WriteLine($"  {violation.Kind} {violation.Key}: {violation.Detail}");
        Console.WriteLine(_violations.IsEmpty ? "every acknowledged write is there, whole and with its version" : "promises were broken");
        return _violations.IsEmpty ? 0 : 1;
    }
}
