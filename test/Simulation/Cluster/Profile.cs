using GrainDb.Engine.Replication;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Transactions;
using GrainDb.Simulation.Networks;
using GrainDb.Simulation.Transactions;

namespace GrainDb.Simulation.Cluster;

/// <summary>
/// What one run is made of. Most of it is drawn from the seed: each run gets another mixture of troubles, some of them none at all,
/// so that no kind of trouble always hides behind another ("swarm testing", Groce et al., 2012).
/// </summary>
internal sealed record Profile
{
    /// <summary>Bound on how far two wall clocks are apart.</summary>
    public static readonly TimeSpan MaxClockOffset = TimeSpan.FromMilliseconds(100);

    /// <summary>Largest error of a monotonic clock's speed; two such errors fit into the drift margin.</summary>
    public const double MaxDrift = 0.04;

    /// <summary>Replicas that the range begins with.</summary>
    public int Voters { get; init; } = 3;

    /// <summary>Nodes, some of which have no replica at first.</summary>
    public int Nodes { get; init; } = 4;

    /// <summary>Ranges of the key space, each with replicas on the nodes.</summary>
    public int Ranges { get; init; } = 1;

    public int Clients { get; init; } = 4;

    public int Keys { get; init; } = 3;

    /// <summary>Clients that work in transactions, over all ranges.</summary>
    public int TransactionClients { get; init; }

    /// <summary>Of these they take one after the other, as chance wants it.</summary>
    public IReadOnlyList<Workload> Workloads { get; init; } = Enum.GetValues<Workload>();

    public bool HasTransactions => TransactionClients > 0;

    /// <summary>Readers of everything that changes.</summary>
    public int Feeds { get; init; }

    /// <summary>How long things break.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(8);

    /// <summary>After it clients begin nothing any more, though things may still break.</summary>
    public TimeSpan Working { get; init; } = TimeSpan.FromSeconds(8);

    /// <summary>Part of the clients' operations that are reads.</summary>
    public double ReadShare { get; init; } = 0.4;

    /// <summary>Average pause of a client between two operations.</summary>
    public TimeSpan ThinkTime { get; init; } = TimeSpan.FromMilliseconds(30);

    /// <summary>Average time between two troubles.</summary>
    public TimeSpan TroubleInterval { get; init; } = TimeSpan.FromMilliseconds(350);

    /// <summary>How likely each kind of trouble is, relative to the others.</summary>
    public IReadOnlyDictionary<Trouble, double> Troubles { get; init; } = new Dictionary<Trouble, double>();

    /// <summary>How wrong wall clocks are at first, in either direction.</summary>
    public TimeSpan WallOffset { get; init; }

    /// <summary>Whether what a leader says when it stops comes late: long after its successor began.</summary>
    public bool LateReleases { get; init; }

    /// <summary>A course of events instead of chance.</summary>
    public Script Script { get; init; }

    public LinkFaults Network { get; init; } = LinkFaults.Good;

    /// <summary>Part of the file operations at which the machine stops.</summary>
    public double CrashPerFileOperation { get; init; }

    public ReplicationOptions Replication { get; init; } = Fast;

    /// <summary>Whether clocks may be further apart than the nodes were told: then real-time order is not promised.</summary>
    public bool IsBeyondOffset { get; init; }

    /// <summary>Whether it takes so long that ranges may have forgotten transactions in the end.</summary>
    public bool OutlivesMemory => Duration > TransactionLimits.MaxDuration;

    /// <summary>Deliberate errors of coordinators.</summary>
    public CoordinatorFaults CoordinatorFaults { get; init; }

    /// <summary>The ratios of the defaults, shortened, so that a short run sees many leaders.</summary>
    private static ReplicationOptions Fast => new()
    {
        LeaseDuration = TimeSpan.FromMilliseconds(400),
        HeartbeatInterval = TimeSpan.FromMilliseconds(80),
        DriftMargin = TimeSpan.FromMilliseconds(40),
        ClosedLag = TimeSpan.FromMilliseconds(60),
        CampaignTimeout = TimeSpan.FromSeconds(3),
        ConfirmTimeout = TimeSpan.FromMilliseconds(500),
        DrainTimeout = TimeSpan.FromMilliseconds(500),
        RetryPause = TimeSpan.FromMilliseconds(40),
        MaxAppendBytes = 4096,
        MaxWindowBytes = 16 << 10,
        MaxUnappliedBytes = 8 << 10,
    };

    /// <summary>Draws a run's mixture.</summary>
    /// <param name="random">The seed's.</param>
    /// <param name="options">What is wanted of it.</param>
    public static Profile Draw(Random random, RunOptions options)
    {
        var faults = options.Faults.Replication;
        switch (options.Script ?? AnyScript(random, options))
        {
            case Script.None:
                break;
            case Script.LateDecision:
                return LateDecisions(random, options.Faults);
            case Script.ClocksApart:
                return ClocksApart(random, options.Faults);
            case var chosen:
                return Scripted(chosen, random, faults);
        }

        var focus = random.Next(Focuses.Length + 1);
        var troubles = focus < Focuses.Length ? Among(Focuses[focus], random) : Among(Enum.GetValues<Trouble>(), random);
        var voters = random.Next(5) == 0 ? 5 : 3;
        var profile = new Profile
        {
            Voters = voters,
            Nodes = voters + random.Next(2),
            Clients = 2 + random.Next(4),
            Keys = 1 + random.Next(4),
            ThinkTime = TimeSpan.FromMilliseconds(random.Next(3) == 0 ? 3 : 20),
            ReadShare = random.Next(3) switch
            {
                0 => 0.8,
                1 => 0.1,
                _ => 0.4,
            },
            TroubleInterval = TimeSpan.FromMilliseconds(100 + random.Next(700)),
            Troubles = troubles,
            WallOffset = random.Next(2) == 0 ? MaxClockOffset / 2 : TimeSpan.Zero,
            LateReleases = random.Next(4) == 0,
            CrashPerFileOperation = random.Next(3) == 0 ? 0.002 : 0,
            Network = new LinkFaults
            {
                Delay = TimeSpan.FromMicroseconds(random.Next(3) == 0 ? 20_000 : 500),
                LateShare = random.Next(2) == 0 ? 0.3 * random.NextDouble() * random.NextDouble() : 0,
                LossShare = random.Next(2) == 0 ? 0.1 * random.NextDouble() : 0,
                RepeatShare = random.Next(2) == 0 ? 0.2 * random.NextDouble() : 0,
            },
            Replication = Fast with { Faults = faults, MaxAppendBytes = random.Next(3) == 0 ? 100 : 4096 },
            Ranges = random.Next(4) == 0 ? 2 + random.Next(2) : 1,
            Feeds = random.Next(4) == 0 ? 1 : 0,
        };
        return options.WantsTransactions(random) ? WithTransactions(profile, random, options.Faults) : profile;
    }

    /// <summary>None in most runs. Late decisions take long, so they are rare.</summary>
    private static Script AnyScript(Random random, RunOptions options)
    {
        if (random.Next(6) != 0)
            return Script.None;
        if (!options.WantsTransactions(random))
            return (Script)random.Next(1, 1 + (int)Script.OldVoters);
        return random.Next(4) == 0 ? Script.LateDecision : Script.ClocksApart;
    }

    /// <summary>The same with clients that work in transactions, and fewer of the others.</summary>
    private static Profile WithTransactions(Profile profile, Random random, Faults faults)
    {
        var isBeyondOffset = random.Next(10) == 0;
        return profile with
        {
            Ranges = random.Next(5) == 0 ? 1 : 2 + random.Next(2),
            Clients = random.Next(3),
            TransactionClients = 2 + random.Next(4),
            Feeds = random.Next(2),
            Workloads = random.Next(2) == 0 ? Enum.GetValues<Workload>() : [(Workload)random.Next(Enum.GetValues<Workload>().Length)],
            CoordinatorFaults = faults.Coordinators,
            IsBeyondOffset = isBeyondOffset,
            WallOffset = isBeyondOffset ? MaxClockOffset * 3 : profile.WallOffset,
            Replication = profile.Replication with { TransactionFaults = faults.Ranges },
        };
    }

    /// <summary>
    /// Two data ranges on three nodes each, of which those of one share none with the other; so nothing but a transaction's own requests brings the clock of one to the other.
    /// </summary>
    private static Profile ClocksApart(Random random, Faults faults)
    {
        var profile = new Profile
        {
            Script = Script.ClocksApart,
            Nodes = 6,
            Keys = 1 + random.Next(2),
            ThinkTime = TimeSpan.FromMilliseconds(random.Next(2) == 0 ? 3 : 15),
            Network = new LinkFaults { Delay = TimeSpan.FromMicroseconds(random.Next(2) == 0 ? 10_000 : 500) },
            Troubles = Among([Trouble.Transfer, Trouble.Pause], random),
            Replication = Fast with { Faults = faults.Replication },
        };
        return WithTransactions(profile, random, faults) with
        {
            Ranges = 2,
            Clients = 2 + random.Next(2),
            TransactionClients = 1 + random.Next(3),
            Workloads = random.Next(3) == 0 ? Enum.GetValues<Workload>() : [Workload.Registers],
            IsBeyondOffset = false,
            WallOffset = MaxClockOffset / 2,
        };
    }

    /// <summary>The place of a range's first voter among the nodes; the others follow it.</summary>
    public int FirstVoterOf(SimulatedRange range) => Script == Script.ClocksApart ? range.Number * Voters : range.Number;

    /// <summary>How wrong a node's wall clock is at first.</summary>
    /// <param name="node">Its place among the nodes.</param>
    /// <param name="random">The node's.</param>
    public TimeSpan WallOffsetOf(int node, Random random) => WallOffset * (Script == Script.ClocksApart ? (node < Voters ? 1 : -1) : (2 * random.NextDouble()) - 1);

    /// <summary>Long enough for a decision to be aborted by others; or, in a third, to be forgotten: deadline and retry window.</summary>
    private static Profile LateDecisions(Random random, Faults faults) => WithTransactions(new Profile { Script = Script.LateDecision, Nodes = 3, Keys = 2, Replication = Fast }, random, faults) with
    {
        Duration = random.Next(3) > 0
            ? TimeSpan.FromSeconds(25)
            : TransactionLimits.MaxDuration + TransactionLimits.PrepareTimeout + TransactionLimits.RetryWindow + TimeSpan.FromSeconds(20),
        IsBeyondOffset = false,
        WallOffset = TimeSpan.Zero,
        Ranges = 2,
    };

    /// <summary>Three voters on a good network: everything that goes wrong is in the script.</summary>
    private static Profile Scripted(Script script, Random random, ReplicationFaults faults) => new()
    {
        Script = script,
        Nodes = script == Script.OldVoters ? 4 : 3,
        Clients = 4,
        Keys = 1 + random.Next(2),
        ReadShare = script == Script.Transfers ? 0.9 : 0.5,
        ThinkTime = TimeSpan.FromMilliseconds(random.Next(2) == 0 ? 3 : 15),
        WallOffset = random.Next(2) == 0 ? MaxClockOffset / 2 : TimeSpan.Zero,
        Replication = Fast with { Faults = faults, MaxAppendBytes = script == Script.SourceMovesOn ? 4096 : 100 },
    };

    /// <summary>Kinds of trouble that are worth having together, beside the mixture of all.</summary>
    private static readonly Trouble[][] Focuses =
    [
        [Trouble.CutOffLeader, Trouble.Transfer, Trouble.ClockJump, Trouble.SecondLeader],
        [Trouble.CutOffLeader, Trouble.Kill, Trouble.PowerLoss, Trouble.SecondLeader],
        [Trouble.CutOffChange, Trouble.ChangeVoters, Trouble.Kill, Trouble.CutOffLeader],
    ];

    private static Dictionary<Trouble, double> Among(Trouble[] kinds, Random random)
    {
        var troubles = new Dictionary<Trouble, double>();
        foreach (var trouble in kinds)
        {
            if (random.Next(2) == 0)
                troubles[trouble] = random.NextDouble();
        }

        return troubles;
    }
}
