using System.Globalization;
using System.Text;
using GrainDb.Engine.Ranges;
using GrainDb.Histories;
using GrainDb.Histories.Isolation;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;
using GrainDb.Simulation.Clients;
using GrainDb.Simulation.Cluster;
using GrainDb.Simulation.Core;

namespace GrainDb.Simulation.Transactions;

/// <summary>One client that works in transactions: of the workloads that the profile names, one after the other, each time on some node.</summary>
internal sealed partial class TransactionClient
{
    private const int Accounts = 4;
    private const int Money = 100;
    private const int RingNodes = 5;
    private const int Lists = 4;

    /// <summary>Elements of all lists after which new lists are begun.</summary>
    private const int ElementsPerGeneration = 250;

    private readonly SimulatedCluster _cluster;
    private readonly SimulatedProcess _process;
    private readonly TimeProvider _clock;
    private readonly Random _random;
    private readonly List<Timestamp> _snapshots = [];

    public TransactionClient(SimulatedCluster cluster, int number)
    {
        _cluster = cluster;
        var name = $"buyer{number}";
        _random = cluster.World.NewRandom(name);
        _process = new SimulatedProcess(cluster.World, name, _random);
        _clock = new NetworkClock(_process);
        cluster.Network.Attach(_process);
        _process.Start(WorkAsync);
    }

    /// <summary>Whether it has its last answer.</summary>
    public bool IsDone { get; private set; }

    /// <summary>Transactions that committed.</summary>
    public int Succeeded { get; private set; }

    private TransactionRecorder Recorder => _cluster.Recorder;

    private async Task WorkAsync()
    {
        while (_cluster.AreClientsWorking)
        {
            await Task.Delay(_cluster.Profile.ThinkTime * (2 * _random.NextDouble()), _clock);
            await (_cluster.Profile.Workloads[_random.Next(_cluster.Profile.Workloads.Count)] switch
            {
                Workload.Lists => _random.Next(6) switch
                {
                    0 => ConditionalAppendAsync(),
                    1 => SnapshotReadAsync(),
                    _ => ListsAsync(),
                },
                Workload.Registers => _random.Next(6) switch
                {
                    0 => OneRequestAsync(),
                    1 => CheckedRequestAsync(),
                    _ => RegistersAsync(),
                },
                Workload.Bank => _random.Next(3) == 0 ? TransferRequestAsync() : BankAsync(),
                _ => RingAsync(),
            });
        }

        IsDone = true;
    }

    private SimulatedNode AnyNode() => _cluster.Nodes.ElementAt(_random.Next(_cluster.Nodes.Count));

    private IsolationLevel AnyLevel() => _random.Next(2) == 0 ? IsolationLevel.Snapshot : IsolationLevel.Serializable;

    private SimulatedRange AnyRange() => _cluster.Ranges[_random.Next(_cluster.Ranges.Count)];

    private string AnyList()
    {
        var list = _random.Next(Lists);
        return _cluster.Ranges[list % _cluster.Ranges.Count].Key(string.Create(CultureInfo.InvariantCulture, $"a{Recorder.Elements / ElementsPerGeneration}-{list}"));
    }

    private Task<TransactionSession> BeginAsync(TransactionHistory history, IsolationLevel isolation, bool readOnly = false) =>
        TransactionSession.BeginAsync(_cluster, _process, AnyNode(), history, isolation, readOnly);

    private async Task EndAsync(TransactionSession session)
    {
        for (var asked = 0; asked < 3 && session.Outcome == OperationOutcome.Unknown && _random.Next(2) == 0; asked++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(_random.Next(500)), _clock);
            await session.AskAsync(AnyNode());
        }

        if (_random.Next(2) == 0)
            await session.GiveUpAsync(AnyNode());
        if (session.Outcome == OperationOutcome.Ok)
            Succeeded++;
        Recorder.Finish(session.Finish());
    }

    /// <summary>Appends to lists, and reads them; to append is to read a list and to write a longer one.</summary>
    private async Task ListsAsync()
    {
        var readOnly = _random.Next(5) == 0;
        var session = await BeginAsync(Recorder.Lists, AnyLevel(), readOnly);
        for (var steps = 1 + _random.Next(4); steps > 0 && session.IsSound; steps--)
        {
            var key = AnyList();
            var (value, _) = await session.ReadAsync(key);
            if (!session.IsSound)
                break;
            session.Did(TransactionStep.ReadList(key, ListText.Read(value)));
            if (readOnly || _random.Next(2) == 0)
                continue;
            var element = Recorder.NextElement();
            session.Write(key, ListText.Append(value, element));
            session.Did(TransactionStep.Append(key, element));
        }

        await session.CommitAsync();
        await EndAsync(session);
    }

    /// <summary>Appends without a transaction: on the condition that the list is still the one that was read.</summary>
    private async Task ConditionalAppendAsync()
    {
        var key = AnyList();
        var range = _cluster.RangeOf(Encoding.UTF8.GetBytes(key));
        var transaction = Recorder.Lists.Begin(new ClientTransaction { Client = _process.Name, Isolation = IsolationLevel.Serializable, Invoked = _cluster.World.Now, Note = "conditional append" });
        var bytes = Encoding.UTF8.GetBytes(key);
        var read = await AtLeaderAsync(range, $"read {key}", leader => leader.ReadAsync(new RangeRead(bytes, Timestamp.Zero, range.Descriptor.Generation)), ReadResult.Failed);
        if (read is not { Failure: null })
        {
            Recorder.Lists.Update(transaction with { Outcome = OperationOutcome.NotApplied, Returned = _cluster.World.Now });
            return;
        }

        var value = read.Found ? Encoding.UTF8.GetString(read.Value.Span) : null;
        var element = Recorder.NextElement();
        transaction = transaction with { Steps = [TransactionStep.ReadList(key, ListText.Read(value)), TransactionStep.Append(key, element)] };
        Recorder.Lists.Update(transaction);
        var condition = read.Found ? new WriteCondition(ConditionKind.VersionEquals, read.Version) : new WriteCondition(ConditionKind.NotExists, default);
        var write = new KeyWrite(bytes, WriteKind.Put, Encoding.UTF8.GetBytes(ListText.Append(value, element)), "", condition, null);
        var result = await AtLeaderAsync(range, $"append {element} to {key}", leader => leader.WriteAsync(new RangeWrite([write], range.Descriptor.Generation)), WriteResult.Failed);
        transaction = transaction with
        {
            Outcome = result switch
            {
                { Failure: null } => OperationOutcome.Ok,
                { Failure.Outcome: Outcome.NotApplied } => OperationOutcome.NotApplied,
                _ => OperationOutcome.Unknown,
            },
            CommitTimestamp = result?.Version ?? default,
            Returned = _cluster.World.Now,
        };
        Recorder.Lists.Update(transaction);
        Recorder.Finish(new FinishedTransaction(TransactionId.None, transaction, [key], new Dictionary<string, Timestamp> { [key] = read.Version }, read.ReadTimestamp));
    }

    /// <summary>Reads lists of one snapshot at followers.</summary>
    private async Task SnapshotReadAsync()
    {
        var transaction = Recorder.Lists.Begin(new ClientTransaction { Client = _process.Name, Isolation = IsolationLevel.Snapshot, IsStaleRead = true, Invoked = _cluster.World.Now, Note = "at followers" });
        var at = _snapshots.Count > 0 && _random.Next(2) == 0 ? _snapshots[_random.Next(_snapshots.Count)] : default;
        var steps = new List<TransactionStep>();
        var seen = new Dictionary<string, Timestamp>();
        for (var reads = 1 + _random.Next(4); reads > 0; reads--)
        {
            var key = AnyList();
            var range = _cluster.RangeOf(Encoding.UTF8.GetBytes(key));
            var node = AnyNode();
            var request = new RangeRead(Encoding.UTF8.GetBytes(key), at, range.Descriptor.Generation) { Consistency = new ReadConsistency(ReadLevel.Eventual, default, default, LocalOnly: true) };
            var result = await _cluster.Network.CallAsync(_process, node.Name, $"read {key} at {at}", () => new ValueTask<ReadResult>(ReadAtFollower(range, node, request)), TimeSpan.FromMilliseconds(500), mayRepeat: false);
            if (result is not { Failure: null })
                continue;
            at = result.ReadTimestamp;
            _snapshots.Add(at);
            seen[key] = result.Version;
            steps.Add(TransactionStep.ReadList(key, ListText.Read(result.Found ? Encoding.UTF8.GetString(result.Value.Span) : null)));
        }

        transaction = transaction with { Steps = steps, Outcome = OperationOutcome.Ok, Returned = _cluster.World.Now };
        Recorder.Lists.Update(transaction);
        Recorder.Finish(new FinishedTransaction(TransactionId.None, transaction, [], seen, at));
    }

    /// <summary>Reads and replaces the registers that other clients use without transactions.</summary>
    private async Task RegistersAsync()
    {
        // A repetition must ask for the same, so it reads nothing.
        var stamp = _random.Next(4) == 0 ? Recorder.NewStamp() : null;
        var values = Enumerable.Range(0, 1 + _random.Next(3)).Select(_ => AnyRange().Key(_random.Next(_cluster.Profile.Keys))).Distinct().Select(key => (Key: key, Value: Recorder.NextValue())).ToList();
        var operations = new List<Operation>();
        for (var attempt = 1; ; attempt++)
        {
            var session = await BeginAsync(attempt == 1 ? Recorder.Registers : Recorder.Others, AnyLevel());
            foreach (var (key, value) in values)
            {
                if (stamp is null && _random.Next(2) == 0)
                {
                    var (found, version) = await session.ReadAsync(key);
                    if (!session.IsSound)
                        break;
                    session.Did(TransactionStep.ReadValue(key, found is null ? null : long.Parse(found, CultureInfo.InvariantCulture), version));
                    if (_random.Next(3) == 0)
                        continue;
                }

                session.Write(key, value);
                session.Did(TransactionStep.Write(key, long.Parse(value, CultureInfo.InvariantCulture)));
                if (attempt == 1)
                    operations.Add(_cluster.History.Invoke(new Operation { Client = _process.Name, Key = key, Kind = OperationKind.Put, Value = value, Invoked = _cluster.World.Now, AnsweredBy = $"{session.Id}" }));
            }

            await session.CommitAsync(stamp);
            await EndAsync(session);
            if (session.Outcome == OperationOutcome.Unknown && stamp is not null && attempt < 4)
                continue;

            // Of several attempts the last one's answer is not that of the first: it stays unknown there, and the data says who wrote.
            if (session.Outcome != OperationOutcome.Unknown && (attempt == 1 || session.Outcome == OperationOutcome.Ok))
                operations.ForEach(operation => _cluster.History.Return(operation with { Outcome = session.Outcome, Version = session.CommitTimestamp, Returned = _cluster.World.Now }));
            return;
        }
    }

    /// <summary>Moves money, or counts it. Whoever finds no bank opens it.</summary>
    private async Task BankAsync()
    {
        var accounts = Enumerable.Range(0, Accounts).Select(Account).ToList();
        var counts = _random.Next(3) == 0;
        var session = await BeginAsync(Recorder.Others, AnyLevel(), readOnly: counts);
        var balances = new Dictionary<string, long>();
        foreach (var account in counts ? accounts : accounts.OrderBy(_ => _random.Next()).Take(2).ToList())
        {
            if (await session.ReadAsync(account) is ({ } value, _))
                balances[account] = long.Parse(value, CultureInfo.InvariantCulture);
        }

        if (session.IsSound && counts)
        {
            if (balances.Count > 0)
                Recorder.Counted(new AccountsSeen(balances, default, session.Note));
        }
        else if (session.IsSound && balances.Count == 2)
        {
            var (from, to) = (balances.Keys.First(), balances.Keys.Last());
            var amount = Math.Min(1 + _random.Next(30), balances[from]);
            session.Write(from, $"{balances[from] - amount}");
            session.Write(to, $"{balances[to] + amount}");
        }
        else if (session.IsSound)
        {
            accounts.ForEach(account => session.Write(account, $"{Money}", new WriteCondition(ConditionKind.NotExists, default)));
        }

        await session.CommitAsync();
        await EndAsync(session);
    }

    public static IReadOnlyList<string> AccountsOf(SimulatedCluster cluster) => [.. Enumerable.Range(0, Accounts).Select(number => AccountOf(cluster, number))];

    public const long Total = Accounts * Money;

    private string Account(int number) => AccountOf(_cluster, number);

    private static string AccountOf(SimulatedCluster cluster, int number) => cluster.Ranges[number % cluster.Ranges.Count].Key($"b{number}");

    /// <summary>Swaps two neighbours of the ring, or looks at it whole. Whoever finds none makes it.</summary>
    private async Task RingAsync()
    {
        var looks = _random.Next(3) == 0;
        var session = await BeginAsync(Recorder.Others, AnyLevel(), readOnly: looks);
        var links = new Dictionary<int, int>();
        if (looks)
        {
            for (var node = 0; node < RingNodes; node++)
                await FollowAsync(node);
            if (session.IsSound && links.Count > 0)
                Recorder.Looked(new RingSeen(links, default, session.Note));
        }
        else if (await FollowAsync(_random.Next(RingNodes)) is { } first)
        {
            if (await FollowAsync(first.To) is { } second && await FollowAsync(second.To) is { } third)
            {
                Link(first.From, second.To);
                Link(second.To, first.To);
                Link(first.To, third.To);
            }
        }
        else if (session.IsSound)
        {
            for (var node = 0; node < RingNodes; node++)
                session.Write(Node(node), $"{(node + 1) % RingNodes}", new WriteCondition(ConditionKind.NotExists, default));
        }

        await session.CommitAsync();
        await EndAsync(session);

        async Task<(int From, int To)?> FollowAsync(int from)
        {
            if (await session.ReadAsync(Node(from)) is not ({ } value, _))
                return null;
            links[from] = int.Parse(value, CultureInfo.InvariantCulture);
            return (from, links[from]);
        }

        void Link(int from, int to) => session.Write(Node(from), $"{to}");

        string Node(int number) => RingNode(_cluster, number);
    }

    public static string RingNode(SimulatedCluster cluster, int number) => cluster.Ranges[number % cluster.Ranges.Count].Key($"r{number}");

    public static int Ring => RingNodes;

    private Task<T?> AtLeaderAsync<T>(SimulatedRange range, string what, Func<RangeLeader, ValueTask<T>> call, Func<Failure, T> failed)
        where T : class
    {
        var node = range.Director.Placed ?? AnyNode();
        return _cluster.Network.CallAsync(
            _process,
            node.Name,
            what,
            async () => node.LeadersOf(range) is [.., var leader] ? await call(leader) : failed(Failure.NotApplied(ErrorCode.Unavailable, "no leader here")),
            TimeSpan.FromSeconds(1),
            mayRepeat: false);
    }

    private static ReadResult ReadAtFollower(SimulatedRange range, SimulatedNode node, RangeRead request) => node.NewestOf(range) is { } replica
        ? new FollowerReader(replica, range.Descriptor, KeyspacePartitioning.Range, node.Name, "local").Read(request)
        : ReadResult.Failed(Failure.NotApplied(ErrorCode.Unavailable, "no replica here"));
}
