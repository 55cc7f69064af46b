namespace GrainDb.Simulation.Clocks;

/// <summary>How wrong a machine's clocks are; stays over restarts of its programs.</summary>
internal sealed class ClockFaults
{
    /// <summary>Seconds that the monotonic clock shows in a true second.</summary>
    public double Rate { get; set; } = 1;

    /// <summary>What the wall clock is ahead.</summary>
    public TimeSpan WallOffset { get; set; }
}
