using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using GrainDb.Faults.Clusters;
using GrainDb.Faults.Recording;
using GrainDb.Histories.Isolation;

namespace GrainDb.Faults.Transactions;

/// <summary>
/// Clients that transfer money between accounts, append to lists and count the money, through all nodes, each keyspace with ranges of its own. A client stays with a node until that one fails it.
/// </summary>
internal sealed class TransactionLoad : IAsyncDisposable
{
    public const string Bank = "bank";
    public const string Lists = "lists";
    public const int Ranges = 6;
    public const long Balance = 1_000;

    /// <summary>A transaction of unknown outcome can be asked for, and the truth is told, within this.</summary>
    public static readonly TimeSpan ToldWithin = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan PauseBetweenQuestions = TimeSpan.FromMilliseconds(100);

    private readonly IReadOnlyList<ClusterNode> _nodes;
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationToken _cancellationToken;
    private readonly ConcurrentDictionary<string, int> _answers = new();
    private readonly Lock _gate = new();
    private readonly List<Task> _clients = [];
    private TimeSpan _longestUnknown;

    public TransactionLoad(IReadOnlyList<ClusterNode> nodes, History clock, CancellationToken cancellationToken)
    {
        _nodes = nodes;
        Clock = clock;
        _cancellationToken = cancellationToken;
    }

    public History Clock { get; }

    public TransactionCalls Calls { get; } = new();

    public TransactionHistory History { get; } = new();

    public ConcurrentQueue<AccountsSeen> Counted { get; } = new();

    public IReadOnlyList<string> Accounts { get; } = [.. Enumerable.Range(0, 100).Select(account => string.Create(CultureInfo.InvariantCulture, $"{account % Ranges}/a{account:00}"))];

    public bool IsStopping => _stop.IsCancellationRequested;

    /// <summary>The longest time until a transaction of unknown outcome was told.</summary>
    public TimeSpan LongestUnknown
    {
        get
        {
            lock (_gate)
                return _longestUnknown;
        }
    }

    /// <summary>How often each kind of answer was given.</summary>
    public string Summary => string.Join(", ", _answers.OrderByDescending(answer => answer.Value).Select(answer => $"{answer.Value} x {answer.Key}"));

    public int TimesSaid(string answer) => _answers.GetValueOrDefault(answer);

    /// <summary>Creates the keyspaces, and gives every account its money.</summary>
    public async Task PrepareAsync()
    {
        foreach (var keyspace in new[] { Bank, Lists })
        {
            var cuts = JsonSerializer.Serialize(Enumerable.Range(1, Ranges - 1).Select(range => $"{range}/"));
            Require(await SendAsync(HttpMethod.Put, 0, $"keyspaces/{keyspace}", $$"""{"replicationFactor":3,"splitKeys":{{cuts}}}"""));
        }

        var puts = Accounts.Select(account => $$$"""{"put":{"keyspace":"{{{Bank}}}","key":"{{{account}}}","value":"{{{Balance}}}"}}""");
        Require(await SendAsync(HttpMethod.Post, 0, "transact", $$"""{"writes":[{{string.Join(',', puts)}}]}"""));
    }

    /// <summary>Starts the clients: of 16 seven each transfer and append, and two count.</summary>
    public void Start(int clients)
    {
        for (var client = 0; client < clients; client++)
        {
            var number = client;
            _clients.Add(Task.Run(
                () => (number % 16) switch
                {
                    < 7 => RunAsync(number, new TransferClient(this, number).TransferAsync),
                    < 14 => RunAsync(number, new ListClient(this, number).AppendAsync),
                    _ => RunAsync(number, new CountingClient(this, number).CountAsync),
                },
                CancellationToken.None));
        }
    }

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_clients);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_clients).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Calls.Dispose();
        _stop.Dispose();
    }

    public async Task<Answer> SendAsync(HttpMethod method, int node, string path, string? body = null, string? idempotencyKey = null)
    {
        var answer = await Calls.SendAsync(method, _nodes[node % _nodes.Count], path, body, idempotencyKey, _cancellationToken);
        _answers.AddOrUpdate(answer.Said, 1, (_, count) => count + 1);
        return answer;
    }

    /// <summary>Asks every node in turn what became of a transaction until one tells. Null: nobody did in time.</summary>
    public async Task<(bool IsCommitted, string? Timestamp)?> TellAsync(string transaction, int node)
    {
        var since = Clock.Now;
        do
        {
            var answer = await SendAsync(HttpMethod.Get, node++, $"txn/{transaction}");
            if (answer.Said == "404 txn_not_found" || (answer.IsDone && answer.Text("status") == "aborted"))
                return Told(since, (false, null));
            if (answer.IsDone && answer.Text("status") == "committed")
                return Told(since, (true, answer.Text("commitTimestamp")));
            await Task.Delay(PauseBetweenQuestions, _cancellationToken); // between two questions to other processes
        }
        while (Clock.Now - since < 2 * ToldWithin);

        Told(since, default);
        return null;
    }

    /// <summary>Notes how long an outcome was not known.</summary>
    public void NoteUnknown(TimeSpan since)
    {
        lock (_gate)
            _longestUnknown = TimeSpan.FromTicks(Math.Max(_longestUnknown.Ticks, (Clock.Now - since).Ticks));
    }

    private (bool IsCommitted, string? Timestamp)? Told(TimeSpan since, (bool IsCommitted, string? Timestamp) outcome)
    {
        NoteUnknown(since);
        return outcome;
    }

    private async Task RunAsync(int client, Func<int, Random, Task<bool>> operate)
    {
        var random = new Random(client);
        var node = client;
        while (!IsStopping)
        {
            if (await operate(node, random))
            {
                await PauseAsync(TimeSpan.FromMilliseconds(random.Next(20)));
                continue;
            }

            node++;
            await PauseAsync(PauseAfterFailure);
        }
    }

    private async Task PauseAsync(TimeSpan pause) => await Task.Delay(pause, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private static void Require(Answer answer)
    {
        if (!answer.IsDone)
            throw new InvalidOperationException($"the load could not be prepared: {answer}");
    }
}
