using System.Diagnostics;
using GrainDb.LoadTool.Counters;
using GrainDb.LoadTool.Http;
using GrainDb.LoadTool.Workloads;

namespace GrainDb.LoadTool.Commands;

/// <summary>
/// <c>loadtool count</c>: many clients increment counters of an eventual keyspace, each increment with an idempotency key with which it is repeated until it is answered. Nodes may die meanwhile: the
/// counters must hold exactly what was acknowledged, and at most one more for each increment that was given up.
/// </summary>
internal sealed class CountCommand
{
    private static readonly string[] Options = ["increments", "counters", "keyspace", "consistency", "patience", "duration", .. ClientOptions.Names];

    private readonly CounterClient _counters;
    private readonly string _run = $"count-{DateTimeOffset.UtcNow.ToUnixTimeMilliseconds():x}";
    private readonly int _increments;
    private readonly int _count;
    private readonly long _until;
    private readonly Lock _lock = new();
    private int _started;
    private CounterTally _tally;

    private CountCommand(Arguments arguments)
    {
        _increments = arguments.Integer("increments", 100_000, 1, 10_000_000);
        _count = arguments.Integer("counters", 16, 1, 10_000);
        var patience = arguments.Duration("patience", TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(10));
        var duration = arguments.Duration("duration", TimeSpan.FromMinutes(10), TimeSpan.FromMilliseconds(100), TimeSpan.FromHours(1));
        _until = Stopwatch.GetTimestamp() + (long)(duration.TotalSeconds * Stopwatch.Frequency);
        _counters = new(WorkloadOptions.KeyspaceName(arguments, "counts"), _run, arguments.Choice("consistency", "quorum", "one", "quorum", "all"), patience);
    }

    /// <summary>Runs it.</summary>
    /// <returns>0 when the sum is one that the answers allow, else 1.</returns>
    public static async Task<int> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        var arguments = Arguments.Parse(args, Options, []);
        var clients = ClientOptions.From(arguments, 32);
        var command = new CountCommand(arguments);
        var single = clients with { Clients = 1 };
        await single.ForEachClientAsync((_, session) => command._counters.CreateAsync(session, cancellationToken), cancellationToken);
        var started = Stopwatch.GetTimestamp();
        await clients.ForEachClientAsync((client, session) => command.IncrementAsync(client, session, cancellationToken), cancellationToken);
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        var sum = 0L;
        await single.ForEachClientAsync(async (_, session) => sum = await command.AddUpAsync(session), CancellationToken.None);
        return command.Print(sum, seconds);
    }

    private async Task IncrementAsync(int client, HttpClientSession session, CancellationToken cancellationToken)
    {
        var tally = default(CounterTally);
        for (var sequence = client; GoesOn(cancellationToken) && Interlocked.Increment(ref _started) <= _increments; sequence++)
            tally += await _counters.IncrementAsync(session, sequence % _count, $"{_run}-{client}-{sequence}", cancellationToken);
        lock (_lock)
            _tally += tally;
    }

    private bool GoesOn(CancellationToken cancellationToken) => Stopwatch.GetTimestamp() < _until && !cancellationToken.IsCancellationRequested;

    private async Task<long> AddUpAsync(HttpClientSession session)
    {
        var sum = 0L;
        for (var counter = 0; counter < _count; counter++)
            sum += await _counters.ReadAsync(session, counter, CancellationToken.None);
        return sum;
    }

    private int Print(long sum, double seconds)
    {
        var (acknowledged, refused, unknown) = _tally;
        Console.WriteLine($"{acknowledged} increments acknowledged in {seconds:F1} s ({acknowledged / seconds:F0}/s), {refused} refused, {unknown} of unknown outcome; {_count} counters hold {sum}");
        if (acknowledged == 0)
        {
            Console.WriteLine("nothing was acknowledged: nothing is proved");
            return 1;
        }

        Console.WriteLine(_tally.Judge(sum) ?? (unknown == 0 ? "the sum is exact" : "the sum is one that the answers allow"));
        return _tally.Judge(sum) is null ? 0 : 1;
    }
}
