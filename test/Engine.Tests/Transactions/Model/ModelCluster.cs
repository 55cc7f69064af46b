using System.Text;
using GrainDb.Engine.Time;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;
using GrainDb.Simulation.Clocks;
using GrainDb.Simulation.Core;
using GrainDb.Simulation.Networks;

namespace GrainDb.Engine.Tests.Transactions.Model;

/// <summary>
/// Model ranges on three nodes, with recovery there as the product has it, and any number of nodes that coordinate, all in one thread and in
/// virtual time: everything follows from the seed.
/// </summary>
internal sealed class ModelCluster
{
    private static readonly TimeSpan RecoveryRound = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan SettlePatience = TimeSpan.FromSeconds(5);

    private readonly CoordinatorFaults _faults;

    /// <param name="seed">Decides everything.</param>
    /// <param name="faults">Deliberate errors of all coordinators.</param>
    /// <param name="clockSpread">Clocks are wrong by up to this, either way.</param>
    public ModelCluster(int seed, CoordinatorFaults faults = CoordinatorFaults.None, TimeSpan clockSpread = default)
    {
        _faults = faults;
        ClockSpread = clockSpread;
        World = new World(seed, Trace.None);
        Network = new SimulatedNetwork(World, answer => answer?.ToString() ?? "");
        RangeDescriptor[] ranges = [.. ModelKeyspace.All.SelectMany(keyspace => keyspace.Ranges)];
        for (var index = 0; index < 3; index++)
        {
            var node = NewNode($"n{index}");
            foreach (var range in ranges.Where(range => range.Id.Value % 3 == index))
                Ranges.Add(range.Id, new ModelRange(range, node.Process.Name, node.Context.Clock, node.Time));
            node.Process.Start(() => RecoverAsync(node));
        }
    }

    public World World { get; }

    public TimeSpan ClockSpread { get; }

    public SimulatedNetwork Network { get; }

    public Dictionary<RangeId, ModelRange> Ranges { get; } = [];

    public bool HasIntents => Ranges.Values.Any(range => range.Intents.Any());

    /// <summary>Whether anything of a transaction is left that somebody has to see to.</summary>
    public bool IsUnfinished => HasIntents || Ranges.Values.Any(range => range.Unsettled.Any());

    /// <summary>When a range decided to commit a transaction, alone or for others; null when none did.</summary>
    public Timestamp? CommitOf(TransactionId transaction) => Ranges.Values.Select(range => range.CommitOf(transaction)).FirstOrDefault(commit => commit is not null);

    /// <summary>A node that coordinates.</summary>
    /// <param name="name">Its name.</param>
    public ModelNode NewNode(string name)
    {
        var process = new SimulatedProcess(World, name, World.NewRandom(name));
        Network.Attach(process);
        var random = World.NewRandom(name + "/ids");
        var offset = ClockSpread * ((random.NextDouble() * 2) - 1);
        var time = new NodeClock(process, new ClockFaults { WallOffset = offset }, World.NewRandom(name + "/timers"));
        var clock = new HybridLogicalClock(time, HybridLogicalClock.DefaultMaxOffset);
        var reach = new ModelRanges(this, process, time);
        var context = new CoordinatorContext
        {
            Ranges = reach,
            Resolutions = new ResolutionQueue(reach.SendAsync, work => process.Post(_ => work(), null), time),
            Clock = clock,
            Time = time,
            Node = name,
            MaxValueBytes = KeyLimits.DefaultMaxValueBytes,
            Random = () => (ulong)random.NextInt64(),
            Faults = _faults,
        };
        return new ModelNode(process, time, context, reach);
    }

    /// <summary>Runs something as a node, to its end.</summary>
    public T Run<T>(ModelNode node, Func<Task<T>> work, TimeSpan? atMost = null)
    {
        var (done, result) = (false, default(T));
        node.Process.Start(async () =>
        {
            result = await work();
            done = true;
        });
        if (!World.RunUntil(() => done, atMost ?? TimeSpan.FromSeconds(120)))
            throw new InvalidOperationException("it did not end: " + string.Join("; ", World.Failures));
        return result!;
    }

    /// <summary>Lets the time pass that it takes until everything is decided and carried out.</summary>
    public bool Quiesce()
    {
        Network.Faults = LinkFaults.Good;
        return World.RunUntil(() => !IsUnfinished, TimeSpan.FromSeconds(100));
    }

    public void Put(string keyspace, string key, string value) => RangeOf(keyspace, key).Put(ModelKeyspace.Find(keyspace)!.Route(key), Encoding.UTF8.GetBytes(value));

    public IReadOnlyList<ModelVersion> Versions(string keyspace, string key) => RangeOf(keyspace, key).Versions(ModelKeyspace.Find(keyspace)!.Route(key));

    /// <summary>The newest value of a key; null when there is none.</summary>
    public string? Newest(string keyspace, string key) => Versions(keyspace, key) is [.., { Value: { } value }] ? Encoding.UTF8.GetString(value) : null;

    public ModelRange RangeOf(string keyspace, string key)
    {
        var routes = ModelKeyspace.Find(keyspace)!;
        return Ranges[routes.Find(routes.Route(key)).Id];
    }

    /// <summary>Versions that a transaction made, wherever they are.</summary>
    public IEnumerable<(RangeId Range, byte[] Key, ModelVersion Version)> VersionsOf(TransactionId transaction) =>
        from range in Ranges.Values
        from key in range.Keys
        from version in range.Versions(key)
        where version.Writer == transaction
        select (range.Descriptor.Id, key, version);

    private async Task RecoverAsync(ModelNode node)
    {
        var recovery = new TransactionRecovery(node.Context.Ranges, node.Context.Resolutions, node.Context.Clock) { Faults = _faults };
        var underway = new HashSet<TransactionId>();
        var finishing = new HashSet<TransactionId>();
        while (true)
        {
            await Task.Delay(RecoveryRound, node.Time);
            var here = Ranges.Values.Where(range => range.Node == node.Process.Name).ToList();
            foreach (var (request, at) in here.SelectMany(range => range.Intents).ToList())
            {
                if (underway.Add(request.Work.Transaction))
                    _ = RecoverAsync(request, at);
            }

            foreach (var (range, id, (at, others)) in here.SelectMany(range => range.Unsettled, (range, commit) => (range, commit.Key, commit.Value)).ToList())
            {
                if (at.Add(SettlePatience) < node.Context.Clock.Now() && finishing.Add(id))
                    _ = FinishAsync(new Resolution(id, at), others, range.Descriptor.Id);
            }
        }

        async Task RecoverAsync(RangePrepare request, Timestamp at)
        {
            await recovery.RecoverAsync(request.Work.Transaction, request.Participants, request.Work.Deadline, at, TimeSpan.FromSeconds(2));
            underway.Remove(request.Work.Transaction);
        }

        async Task FinishAsync(Resolution resolution, RangeId[] others, RangeId anchor)
        {
            await recovery.FinishAsync(resolution, others, anchor);
            finishing.Remove(resolution.Transaction);
        }
    }
}

/// <summary>One node of the model.</summary>
internal sealed record ModelNode(SimulatedProcess Process, TimeProvider Time, CoordinatorContext Context, ModelRanges Reach)
{
    public TransactionCoordinator Begin(IsolationLevel? isolation = IsolationLevel.Snapshot, bool readOnly = false, Timestamp asOf = default, TimeSpan? duration = null) =>
        new(Context, Context.NewId(), new TransactionOptions(isolation, readOnly, asOf, duration ?? TransactionLimits.DefaultDuration));
}
