using System.Text;
using GrainDb.Engine.Ranges;
using GrainDb.Engine.Tests.Ranges;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Tests.Transactions;

/// <summary>
/// Random work on one range, whose transactions are decided by a coordinator with another clock, against full histories: every commit with its timestamp, every read with
/// what it found and what had been acknowledged when it began. <see cref="Check"/> says what is wrong.
/// </summary>
internal sealed class ParticipantModel
{
    private const int Keys = 5;
    private static readonly TimeSpan Offset = TimeSpan.FromMilliseconds(250);

    private readonly ParticipantRig _rig;
    private readonly Random _random;
    private readonly List<Commit> _commits = [];
    private readonly List<Read> _reads = [];
    private readonly List<Open> _open = [];
    private readonly List<TransactionWork> _over = [];
    private readonly Dictionary<string, Timestamp> _acknowledged = [];
    private readonly List<Action> _pending = [];
    private readonly List<string> _problems = [];
    private int _values;

    public ParticipantModel(int seed, TransactionFaults faults)
    {
        _random = new Random(seed);
        _rig = new ParticipantRig(faults);
    }

    private sealed record Commit(Timestamp At, Timestamp Snapshot, Dictionary<string, string?> Writes, string[] Locked);

    private sealed record Read(string What, string Key, Timestamp At, string? Value);

    private sealed record Open(TransactionWork Work, Timestamp Prepared)
    {
        public Timestamp? Decision { get; set; }
    }

    /// <summary>How much was found out: a model that does nothing proves nothing.</summary>
    public (int Commits, int Reads) Figures => (_commits.Count, _reads.Count);

    public void Run(int steps)
    {
        for (var i = 0; i < steps; i++)
        {
            Step();
            _rig.Range.Flush();
            Collect();
            CheckSnapshots();
        }

        foreach (var open in _open.ToList())
            Resolve(open);
        _rig.Range.Pass(TimeSpan.FromSeconds(5));
        Collect();
        if (_pending.Count > 0)
            _problems.Add($"{_pending.Count} requests are never answered");
        for (var key = 0; key < Keys; key++)
            Snapshot("last", $"k{key}", _rig.Now);
        _rig.Range.Flush();
        Collect();
    }

    /// <summary>Null when all that was seen is right.</summary>
    public string? Check()
    {
        foreach (var read in _reads)
        {
            var expected = _commits.Where(commit => commit.At <= read.At && commit.Writes.ContainsKey(read.Key)).MaxBy(commit => commit.At)?.Writes[read.Key];
            if (expected != read.Value)
                _problems.Add($"{read.What} of {read.Key} at {read.At} found {read.Value ?? "nothing"}, not {expected ?? "nothing"}");
        }

        foreach (var commit in _commits)
        {
            if (commit.At <= commit.Snapshot)
                _problems.Add($"a commit at {commit.At} is not above its snapshot {commit.Snapshot}");
            foreach (var other in _commits.Where(other => other != commit && other.At > commit.Snapshot && other.At <= commit.At))
            {
                if (other.Writes.Keys.Any(key => commit.Locked.Contains(key) || (!commit.Snapshot.IsZero && commit.Writes.ContainsKey(key))))
                    _problems.Add($"a commit at {commit.At} with snapshot {commit.Snapshot} overlooked one at {other.At}");
            }
        }

        return _problems.Count == 0 ? null : string.Join('\n', _problems.Take(5));
    }

    private void Step()
    {
        switch (_random.Next(13))
        {
            case 0:
                Write();
                break;
            case 1 or 2:
                Prepare();
                break;
            case 3 when Pick(open => open.Decision is null) is { } undecided:
                Decide(undecided);
                break;
            case 4 when Pick(open => open.Decision is not null) is { } decided:
                Resolve(decided);
                break;
            case 5:
                CommitHere();
                break;
            case 6:
                Snapshot("snapshot", Key(), Around());
                break;
            case 7:
                Present();
                break;
            case 8:
                Transactional();
                break;
            case 9:
                Scan();
                break;
            case 10:
                _rig.Range.Time.Advance(TimeSpan.FromMilliseconds(_random.Next(60)));
                _rig.Range.Leader.Tick();
                break;
            case 11:
                Follow();
                break;
            case 12 when _random.Next(4) == 0:
                Restart();
                break;
            case 12 when _over.Count > 0:
                var late = _over[_random.Next(_over.Count)];
                Await(_rig.BeginPrepare(late), result =>
                {
                    if (result.Failure is null)
                        _problems.Add($"{late.Transaction} is decided and prepared once more");
                });
                break;
        }
    }

    private void Write()
    {
        var (key, value) = (Key(), Value());
        Await(_rig.Range.Begin(Put(key, value)), result =>
        {
            if (result.Failure is null)
                Acknowledged(new(result.Version, default, new() { [key] = value }, []));
        });
    }

    private void Prepare()
    {
        var work = Work();
        Await(_rig.BeginPrepare(work), result =>
        {
            if (result.Failure is null)
                _open.Add(new(work, result.PrepareTimestamp));
        });
    }

    /// <summary>The other participants' clocks may be ahead: the commit lies at or above this prepare. The client knows it at once, this range later.</summary>
    private void Decide(Open open)
    {
        var commits = _random.Next(4) > 0;
        var fastest = Timestamp.FromTime(_rig.Range.Time.GetUtcNow() + Offset);
        var other = open.Prepared.Add(TimeSpan.FromMilliseconds(_random.Next(120)));
        open.Decision = commits ? Timestamp.Later(open.Prepared, other < fastest ? other : fastest) : Timestamp.Zero;
        if (commits)
            Acknowledged(ToCommit(open.Work, open.Decision.Value));
    }

    private void Resolve(Open open)
    {
        if (open.Decision is null)
            Decide(open);
        _open.Remove(open);
        _over.Add(open.Work);
        Await(_rig.BeginResolve(open.Work.Transaction, open.Decision!.Value), failure =>
        {
            if (failure is not null)
                _problems.Add($"a decision is not carried out: {failure.Detail}");
        });
    }

    /// <summary>Alone, or for others, some of which have prepared by clocks that are ahead.</summary>
    private void CommitHere()
    {
        var work = Work();
        Timestamp? prepared = work.Writes.Length > 0 && _random.Next(2) == 0 ? _rig.Now.Add(TimeSpan.FromMilliseconds(_random.Next(120))) : null;
        Await(prepared is { } after ? _rig.BeginCommitForOthers(work, after) : _rig.BeginCommit(work), result =>
        {
            if (result.Failure is not null)
                return;
            if (result.CommitTimestamp <= prepared)
                _problems.Add($"{work.Transaction} commits at {result.CommitTimestamp}, and is prepared elsewhere at {prepared}");
            Acknowledged(ToCommit(work, result.CommitTimestamp));
        });
    }

    private void Snapshot(string what, string key, Timestamp at) => Await(_rig.BeginRead(key, at), result => Found(what, key, at, result));

    private void Present()
    {
        var key = Key();
        var known = _acknowledged.GetValueOrDefault(key);
        Await(_rig.BeginRead(key), result =>
        {
            if (result.Failure is not null)
                return;
            Found("present", key, result.ReadTimestamp, result);
            if (result.ReadTimestamp < known)
                _problems.Add($"a read of {key} at {result.ReadTimestamp} overlooks what was acknowledged at {known}");
        });
    }

    /// <summary>A transaction that begins now on a node whose clock is behind.</summary>
    private void Transactional()
    {
        var key = Key();
        var known = _acknowledged.GetValueOrDefault(key);
        var snapshot = _rig.Now.Add(-TimeSpan.FromMilliseconds(_random.Next(120)));
        ObservedClock[] observed = _random.Next(2) == 0 ? [] : [new("node1", _rig.Now)];
        Await(_rig.BeginRead(key, snapshot, new TransactionReader(_rig.NewId(), snapshot.Add(Offset), observed)), result =>
        {
            if (result.Failure is not null || !result.UncertainAt.IsZero)
                return;
            Found("transaction", key, snapshot, result);
            if (snapshot < known)
                _problems.Add($"a transaction that reads {key} at {snapshot} is not told of what was acknowledged at {known}");
        });
    }

    private void Scan()
    {
        var at = _random.Next(3) == 0 ? Timestamp.Zero : Around();
        Await(_rig.BeginScan(at, reverse: _random.Next(2) == 0), result =>
        {
            if (result.Failure is not null)
                return;
            var rows = result.Items.ToDictionary(item => Encoding.UTF8.GetString(item.Key.Span), item => Encoding.UTF8.GetString(item.Value.Span));
            for (var key = 0; key < Keys; key++)
                _reads.Add(new("scan", $"k{key}", result.ReadTimestamp, rows.GetValueOrDefault($"k{key}")));
        });
    }

    private void Follow()
    {
        var key = Key();
        var reader = new FollowerReader(_rig.Range.Acceptor, RangeRig.Descriptor, KeyspacePartitioning.Range, "node1", "local");
        var result = reader.Read(new RangeRead(Records.Key(key), default, Generation: 1)
        {
            Consistency = new ReadConsistency(ReadLevel.Eventual, default, default, LocalOnly: true),
        });
        Found("follower", key, result.ReadTimestamp, result);
    }

    /// <summary>
    /// Whoever waits is never answered; it had no effect, since everything enqueued is flushed. A process takes its time to come back: the only replica of a range does not remember
    /// what was read ahead of its clock.
    /// </summary>
    private void Restart()
    {
        _rig.Range.Time.Advance(2 * Offset);
        if (_random.Next(2) == 0)
            _rig.Range.Replica.Checkpoint(CancellationToken.None);
        _rig.Restart();
        _pending.Clear();
        foreach (var open in _open)
        {
            if (_rig.Range.Replica.Transactions.Prepared.Find(open.Work.Transaction)?.Prepared != open.Prepared)
                _problems.Add($"{open.Work.Transaction} is not prepared any more");
        }
    }

    private void CheckSnapshots()
    {
        var state = _rig.Range.Replica.Transactions.Prepared.Oldest;
        if (state is { } oldest && (_rig.Range.Acceptor.Closed >= oldest || _rig.Range.Acceptor.NewestSnapshot >= oldest))
            _problems.Add($"{_rig.Range.Acceptor.NewestSnapshot} is said to be final above the intent at {oldest}");
    }

    private void Found(string what, string key, Timestamp at, ReadResult result)
    {
        if (result.Failure is null)
            _reads.Add(new(what, key, at, result.Found ? Encoding.UTF8.GetString(result.Value.Span) : null));
    }

    private void Acknowledged(Commit commit)
    {
        _commits.Add(commit);
        foreach (var key in commit.Writes.Keys)
            _acknowledged[key] = Timestamp.Later(_acknowledged.GetValueOrDefault(key), commit.At);
    }

    private TransactionWork Work()
    {
        string[] keys = [.. Enumerable.Range(0, Keys).Where(_ => _random.Next(4) == 0).Select(key => $"k{key}")];
        var id = _rig.NewId();
        return _rig.Work(id, _rig.Now.Add(TimeSpan.FromMilliseconds(_random.Next(-60, 100))), [.. keys.Select(key => _random.Next(5) == 0 ? RangeRig.Delete(key) : Put(key, Value()))]) with
        {
            ReadKeys = [Records.Key(Key())],
            ReadIntervals = _random.Next(3) == 0 ? [new RoutingInterval(Records.Key(Key()).ToArray(), null)] : [],
        };
    }

    private static Commit ToCommit(TransactionWork work, Timestamp at) => new(
        at,
        work.ReadTimestamp,
        work.Writes.ToDictionary(write => Encoding.UTF8.GetString(write.Key.Span), write => write.Kind == WriteKind.Delete ? null : Encoding.UTF8.GetString(write.Value.Span)),
        [
            .. Enumerable.Range(0, Keys).Select(key => $"k{key}").Where(key =>
                work.ReadKeys.Any(read => read.Span.SequenceEqual(Records.Key(key).Span)) || work.ReadIntervals.Any(interval => Records.Key(key).Span.SequenceCompareTo(interval.Start) >= 0)),
        ]);

    private void Await<T>(Task<T> task, Action<T> then) => _pending.Add(() =>
    {
        if (task.IsCompleted)
            then(task.Answered());
        else
            Await(task, then);
    });

    private void Collect()
    {
        var waiting = _pending.ToList();
        _pending.Clear();
        waiting.ForEach(look => look());
    }

    private Open? Pick(Func<Open, bool> which) => _open.Where(which).OrderBy(_ => _random.Next()).FirstOrDefault();

    private Timestamp Around() => _rig.Now.Add(TimeSpan.FromMilliseconds(_random.Next(-100, 100)));

    private string Key() => $"k{_random.Next(Keys)}";

    private string Value() => $"{++_values}";

    private static KeyWrite Put(string key, string value) => RangeRig.Put(key, value);
}
