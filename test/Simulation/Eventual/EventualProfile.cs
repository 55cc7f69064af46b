using GrainDb.Engine.Eventual;
using GrainDb.Interfaces.Eventual;
using GrainDb.Simulation.Networks;

namespace GrainDb.Simulation.Eventual;

/// <summary>What one seed tries: chosen once, from the seed.</summary>
internal sealed record EventualProfile
{
    public required ConflictPolicy Policy { get; init; }

    /// <summary>Whether keys are sets, maps or registers.</summary>
    public bool HasFields => Policy is ConflictPolicy.ObservedRemoveSet or ConflictPolicy.LastWriterWinsMap or ConflictPolicy.Register;

    /// <summary>Whether hints count for writes: then no read is promised to see what was acknowledged.</summary>
    public required bool Sloppy { get; init; }

    public required LinkFaults Network { get; init; }

    public required bool Cuts { get; init; }

    public required bool Crashes { get; init; }

    public required bool LosesDisks { get; init; }

    public required bool Moves { get; init; }

    public required bool Rounds { get; init; }

    /// <summary>Largest error of a wall clock, and how far one jumps.</summary>
    public required TimeSpan WallOffset { get; init; }

    public required EventualFaults Faults { get; init; }

    /// <summary>Instead of chance.</summary>
    public EventualCourse Course { get; init; }

    /// <summary>Keys that the clients use.</summary>
    public int Keys { get; init; } = 4;

    /// <summary>Longest pause of a client between two operations.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>How long a client waits for an answer.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>Part of the writes that say what their client has seen. What they have seen is not looked for any more.</summary>
    public double InformedShare { get; init; } = 2.0 / 3;

    /// <summary>Part of those that delete.</summary>
    public double DeleteShare { get; init; } = 1.0 / 3;

    /// <summary>Average time between two comparisons of a node's replicas with the others, and between two rounds that forget.</summary>
    public TimeSpan CareInterval { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>
    /// Whether increments carry idempotency keys and are repeated. Not where a move changes who coordinates a key, nor where a disk may be lost after its states, and not the results beside them, came to others.
    /// </summary>
    public bool Repeats => !Moves && !LosesDisks;

    public TimeSpan Duration => TimeSpan.FromSeconds(20);

    /// <summary>Draws a run's mixture.</summary>
    /// <param name="random">The seed's.</param>
    /// <param name="faults">A deliberate error.</param>
    /// <param name="course">The course that is wanted; null for any.</param>
    /// <param name="policy">The policy that is wanted; null for any.</param>
    public static EventualProfile Draw(Random random, EventualFaults faults, EventualCourse? course, ConflictPolicy? policy)
    {
        course ??= random.Next(4) == 0 ? (EventualCourse)random.Next(1, Enum.GetValues<EventualCourse>().Length) : EventualCourse.None;
        if (course is { } chosen and not EventualCourse.None)
            return OfCourse(chosen, random, faults) with { Policy = policy ?? ConflictPolicy.Siblings };
        var sloppy = random.Next(4) == 0;
        return new()
        {
            Policy = policy ?? random.Next(8) switch
            {
                0 or 1 => ConflictPolicy.Counter,
                2 => ConflictPolicy.LastWriterWins,
                3 => ConflictPolicy.ObservedRemoveSet,
                4 => ConflictPolicy.LastWriterWinsMap,
                5 => ConflictPolicy.Register,
                _ => ConflictPolicy.Siblings,
            },
            Sloppy = sloppy,
            Network = random.Next(3) switch
            {
                0 => LinkFaults.Good,
                1 => new LinkFaults { LossShare = 0.02, RepeatShare = 0.05, LateShare = 0.05 },
                _ => new LinkFaults { LossShare = 0.1, RepeatShare = 0.1, LateShare = 0.2, LongDelay = TimeSpan.FromSeconds(8) },
            },
            Cuts = random.Next(3) > 0,
            Crashes = random.Next(3) > 0,
            LosesDisks = random.Next(2) == 0,
            Moves = random.Next(3) == 0,
            Rounds = random.Next(3) > 0,
            WallOffset = random.Next(3) switch { 0 => TimeSpan.Zero, 1 => TimeSpan.FromMilliseconds(200), _ => TimeSpan.FromHours(1) },
            Faults = faults,
        };
    }

    private static EventualProfile OfCourse(EventualCourse course, Random random, EventualFaults faults) => new()
    {
        Course = course,
        Policy = ConflictPolicy.Siblings,
        Sloppy = course == EventualCourse.LostCoordinator,
        Network = course switch
        {
            EventualCourse.Crowd => new LinkFaults { LateShare = 0.3, LongDelay = TimeSpan.FromSeconds(2) },
            EventualCourse.Forgetting => new LinkFaults { LateShare = 0.2, LossShare = 0.15, LongDelay = TimeSpan.FromSeconds(4) },
            _ => LinkFaults.Good,
        },
        Cuts = false,
        Crashes = false,
        LosesDisks = course is EventualCourse.LostWitness or EventualCourse.LostCoordinator,
        Moves = course == EventualCourse.CutOffMove,
        Rounds = course == EventualCourse.Forgetting || random.Next(2) == 0,
        WallOffset = TimeSpan.Zero,
        Faults = faults,
        Keys = 1 + random.Next(2),
        LongestPause = TimeSpan.FromMilliseconds(60),
        Patience = TimeSpan.FromSeconds(course == EventualCourse.Forgetting ? 1 : 4),
        InformedShare = course == EventualCourse.Forgetting ? 0.8 : 0.15,
        DeleteShare = course == EventualCourse.Forgetting ? 0.7 : 1.0 / 3,
        CareInterval = TimeSpan.FromSeconds(course == EventualCourse.Forgetting ? 0.5 : 4),
    };
}
