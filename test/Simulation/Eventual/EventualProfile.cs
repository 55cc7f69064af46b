using GrainDb.Engine.Eventual;
using GrainDb.Interfaces.Eventual;
using GrainDb.Simulation.Networks;

namespace GrainDb.Simulation.Eventual;

/// <summary>What one seed tries: chosen once, from the seed.</summary>
internal sealed record EventualProfile
{
    public required ConflictPolicy Policy { get; init; }

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

    /// <summary>
    /// Whether increments carry idempotency keys and are repeated. Not where a move changes who coordinates a key, nor where a disk may be lost after its states, and not the results beside them, came to others.
    /// </summary>
    public bool Repeats => !Moves && !LosesDisks;

    public TimeSpan Duration => TimeSpan.FromSeconds(20);

    public static EventualProfile Draw(Random random, EventualFaults faults)
    {
        var sloppy = random.Next(4) == 0;
        return new()
        {
            Policy = random.Next(4) switch { 0 => ConflictPolicy.Counter, 1 => ConflictPolicy.LastWriterWins, _ => ConflictPolicy.Siblings },
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
}
