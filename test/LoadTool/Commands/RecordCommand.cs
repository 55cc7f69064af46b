using System.Diagnostics;
using GrainDb.LoadTool.Durability;
using GrainDb.LoadTool.Http;
using GrainDb.LoadTool.Workloads;

namespace GrainDb.LoadTool.Commands;

/// <summary>
/// <c>loadtool record</c>: every client writes keys of its own, one request at a time, and notes each acknowledgement before
/// it goes on. Servers may die meanwhile; <c>loadtool verify</c> tells what became of the writes.
/// </summary>
internal sealed class RecordCommand
{
    private static readonly string[] Options =
        ["history", "duration", "max-writes", "keys-per-client", "value-bytes", "keyspace", "prefix", .. ClientOptions.Names];

    private readonly HistoryFile _history;
    private readonly string _keyspace;
    private readonly string _prefix;
    private readonly int _keysPerClient;
    private readonly int _valueBytes;
    private readonly int _maxWrites;
    private readonly long _until;
    private int _started;
    private int _acknowledged;
    private int _refused;
    private int _unknown;

    private RecordCommand(Arguments arguments, HistoryFile history)
    {
        _history = history;
        _keyspace = WorkloadOptions.KeyspaceName(arguments, "default");
        _prefix = arguments.Text("prefix", $"record/{DateTimeOffset.UtcNow.ToUnixTimeMilliseconds():x}");
        if (_prefix.Length is 0 or > 40 || !_prefix.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '-' or '_'))
            throw new UsageException($"--prefix {_prefix}: 1 to 40 of letters, digits, / - _");
        _keysPerClient = arguments.Integer("keys-per-client", 1_000_000, 1, 1_000_000);
        _valueBytes = arguments.Integer("value-bytes", 256, RecordedValue.MinBytes, 1024 * 1024);
        _maxWrites = arguments.Integer("max-writes", 1_000_000, 1, 10_000_000);
        var duration = arguments.Duration("duration", TimeSpan.FromSeconds(10), TimeSpan.FromMilliseconds(100), TimeSpan.FromHours(1));
        _until = Stopwatch.GetTimestamp() + (long)(duration.TotalSeconds * Stopwatch.Frequency);
    }

    /// <summary>Runs it.</summary>
    /// <returns>0, or 1 when nothing was acknowledged.</returns>
    public static async Task<int> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        var arguments = Arguments.Parse(args, Options, []);
        var clients = ClientOptions.From(arguments, 64);
        var path = arguments.Required("history");
        if (File.Exists(path))
            throw new UsageException($"--history {path}: exists already");
        using var history = new HistoryFile(path);
        var command = new RecordCommand(arguments, history);
        history.Append(new HistoryEvent { Type = HistoryEvent.Header, Keyspace = command._keyspace, ValueBytes = command._valueBytes });
        await clients.ForEachClientAsync((client, session) => command.WriteAsync(client, session, cancellationToken), cancellationToken);
        Console.WriteLine(
            $"recorded {command._acknowledged} acknowledged, {command._refused} refused, {command._unknown} of unknown outcome, in {path}");
        return command._acknowledged > 0 ? 0 : 1;
    }

    private async Task WriteAsync(int client, HttpClientSession session, CancellationToken cancellationToken)
    {
        HistoryEvent? last = null;
        for (var sequence = 1L; GoesOn(cancellationToken) && Interlocked.Increment(ref _started) <= _maxWrites; sequence++)
        {
            var key = $"{_prefix}/{client}/{(sequence - 1) % _keysPerClient}";
            var attempt = new HistoryEvent { Type = HistoryEvent.Attempt, Key = key, Sequence = sequence };
            if (last is null)
                _history.Append(attempt);
            else
                _history.Append(last, attempt);
            var request = RequestText.WithBody(
                "PUT", RequestText.KeyPath(_keyspace, key), "text/plain", RecordedValue.Of(key, sequence, _valueBytes));
            last = await AskAsync(session, request, attempt, cancellationToken);
        }

        if (last is not null)
            _history.Append(last);
    }

    private bool GoesOn(CancellationToken cancellationToken) => Stopwatch.GetTimestamp() < _until && !cancellationToken.IsCancellationRequested;

    /// <summary>Sends one write and says what became of it. Only a refused connection is tried again: nothing was sent.</summary>
    private async Task<HistoryEvent> AskAsync(HttpClientSession session, byte[] request, HistoryEvent attempt, CancellationToken cancellationToken)
    {
        string? error;
        do
        {
            try
            {
                error = await session.SendAsync(request, cancellationToken);
            }
            catch (OperationCanceledException)
            {
                error = TransportErrors.ConnectFailed;
            }
        }
        while (error == TransportErrors.ConnectFailed && GoesOn(cancellationToken));

        if (error is null && session.Response.Status is 200 or 201 && session.Response.EntityTag() is { } version)
        {
            Interlocked.Increment(ref _acknowledged);
            return attempt with { Type = HistoryEvent.Acknowledged, Version = version };
        }

        var (refused, code) = error switch
        {
            TransportErrors.ConnectFailed => (true, error),
            null => Judge(Problem.Read(session.Response)),
            _ => (false, error),
        };
        Interlocked.Increment(ref refused ? ref _refused : ref _unknown);
        return attempt with { Type = refused ? HistoryEvent.Refused : HistoryEvent.Unknown, Code = code };
    }

    private static (bool Refused, string Code) Judge(Problem problem) => (problem.NotApplied, problem.Code);
}
