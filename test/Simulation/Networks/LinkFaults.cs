namespace GrainDb.Simulation.Networks;

/// <summary>How bad the network is.</summary>
internal sealed record LinkFaults
{
    /// <summary>Nothing is lost or repeated.</summary>
    public static readonly LinkFaults Good = new();

    /// <summary>Typical time on the way; messages overtake each other within it.</summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromMicroseconds(300);

    /// <summary>Part of the messages that take up to <see cref="LongDelay"/>.</summary>
    public double LateShare { get; init; }

    public TimeSpan LongDelay { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Part of the messages that are lost.</summary>
    public double LossShare { get; init; }

    /// <summary>Part of the messages that arrive twice.</summary>
    public double RepeatShare { get; init; }
}
