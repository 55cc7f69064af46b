using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using GrainDb.LoadTool.Http;
using GrainDb.LoadTool.Races;
using GrainDb.LoadTool.Workloads;

namespace GrainDb.LoadTool.Commands;

/// <summary>
/// <c>loadtool race</c>: many clients increment one counter with <c>If-Match</c>, and the tool proves from what they were
/// told that every version had exactly one winner.
/// </summary>
internal sealed class RaceCommand
{
    private const int MaxPrinted = 20;

    private static readonly string[] Options = ["attempts", "keyspace", "key", .. ClientOptions.Names];

    private readonly ConcurrentQueue<RaceAttempt> _attempts = [];
    private readonly CancellationToken _cancellationToken;
    private readonly string _path;
    private readonly int _count;
    private int _started;

    private RaceCommand(string path, int count, CancellationToken cancellationToken) =>
        (_path, _count, _cancellationToken) = (path, count, cancellationToken);

    /// <summary>Runs it.</summary>
    /// <returns>0 when every version had one winner, else 1.</returns>
    public static async Task<int> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        var arguments = Arguments.Parse(args, Options, []);
        var clients = ClientOptions.From(arguments, 64);
        var keyspace = WorkloadOptions.KeyspaceName(arguments, "default");
        var key = arguments.Text("key", $"race/{DateTimeOffset.UtcNow.ToUnixTimeMilliseconds():x}");
        var command = new RaceCommand(
            RequestText.KeyPath(keyspace, key), arguments.Integer("attempts", 10_000, 1, 10_000_000), cancellationToken);

        var single = clients with { Clients = 1 };
        var first = "";
        await single.ForEachClientAsync(async (_, session) => first = await command.CreateAsync(session), cancellationToken);
        await clients.ForEachClientAsync((_, session) => command.CompeteAsync(session), cancellationToken);
        var last = (Counter: 0L, Version: first);
        await single.ForEachClientAsync(async (_, session) => last = await command.ReadAsync(session), cancellationToken);
        return command.Print(first, last.Version, last.Counter);
    }

    private async Task<string> CreateAsync(HttpClientSession session)
    {
        var error = await session.SendAsync(Put("0", "If-None-Match: *\r\n"), _cancellationToken);
        if (error is null && session.Response.Status == 201 && session.Response.EntityTag() is { } version)
            return version;
        throw new InvalidDataException($"the key could not be created: {error ?? Problem.Read(session.Response).Code}");
    }

    private async Task CompeteAsync(HttpClientSession session)
    {
        while (Interlocked.Increment(ref _started) <= _count)
        {
            var (counter, version) = await ReadAsync(session);
            var error = await session.SendAsync(Put($"{counter + 1}", $"If-Match: \"{version}\"\r\n"), _cancellationToken);
            _attempts.Enqueue(Attempt(version, error, session.Response));
        }
    }

    private async Task<(long Counter, string Version)> ReadAsync(HttpClientSession session)
    {
        var error = await PatientClient.SendAsync(session, RequestText.Get(_path), _cancellationToken);
        if (error is null
            && session.Response.Status == 200
            && session.Response.EntityTag() is { } version
            && long.TryParse(session.Response.Body, NumberStyles.None, CultureInfo.InvariantCulture, out var counter))
        {
            return (counter, version);
        }

        throw new InvalidDataException($"the counter could not be read: {error ?? Problem.Read(session.Response).Code}");
    }

    private static RaceAttempt Attempt(string basedOn, string? error, ResponseParser response)
    {
        if (error is not null)
            return new(basedOn, error == TransportErrors.ConnectFailed ? RaceResult.Refused : RaceResult.Unknown, null);
        if (response.Status == 200)
            return new(basedOn, RaceResult.Won, response.EntityTag());
        var problem = Problem.Read(response);
        if (response.Status == 412)
            return new(basedOn, RaceResult.Lost, problem.CurrentVersion);
        return new(basedOn, problem.NotApplied ? RaceResult.Refused : RaceResult.Unknown, null);
    }

    private byte[] Put(string value, string condition) =>
        RequestText.WithBody("PUT", _path, "text/plain", Encoding.ASCII.GetBytes(value), condition);

    private int Print(string first, string last, long counter)
    {
        var counts = _attempts.CountBy(attempt => attempt.Result).ToDictionary();
        Console.WriteLine(
            $"{_attempts.Count} attempts: {counts.GetValueOrDefault(RaceResult.Won)} won, {counts.GetValueOrDefault(RaceResult.Lost)} lost, "
                + $"{counts.GetValueOrDefault(RaceResult.Refused)} refused, {counts.GetValueOrDefault(RaceResult.Unknown)} of unknown outcome; "
                + $"the counter is {counter}");
        var problems = RaceJudge.Judge(_attempts, first, last, counter);
        foreach (var problem in problems.Take(MaxPrinted))
            Console.WriteLine($"VIOLATION {problem}");
        if (counts.GetValueOrDefault(RaceResult.Won) == 0)
        {
            Console.WriteLine("nobody won: nothing is proved");
            return 1;
        }

        Console.WriteLine(problems.Count == 0 ? "every version had exactly one winner" : $"{problems.Count} violations");
        return problems.Count == 0 ? 0 : 1;
    }
}
