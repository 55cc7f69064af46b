using GrainDb.Engine.Eventual;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Simulation.Eventual;

/// <summary>One operation on names of a set, map or register, from its attempt on.</summary>
/// <param name="Key">The key.</param>
/// <param name="Names">The names; null for all that there are.</param>
/// <param name="Removes">Whether it takes them away rather than writes them.</param>
/// <param name="WriterSaw">What its writer said that he had seen; null when he did not say: then it went by what its coordinator had.</param>
internal sealed record FieldOperation(string Key, IReadOnlyList<string>? Names, bool Removes, VersionVector? WriterSaw)
{
    /// <summary>The writes that it may have taken away or the place of; null while nobody knows.</summary>
    public VersionVector? Seen { get; set; } = WriterSaw;

    public bool IsAcknowledged { get; set; }

    public Dot Dot { get; set; }

    public Timestamp Timestamp { get; set; }

    /// <summary>When it was acknowledged.</summary>
    public long Time { get; set; }

    /// <summary>Whether a majority has it.</summary>
    public bool AtQuorum { get; set; }

    public bool Touches(string key, string name) => Key == key && (Names is null || Names.Contains(name));

    /// <summary>Whether it may be the reason that a write of one of its names is not there any more.</summary>
    public bool MayEnd(Dot write) => Seen is null || Seen.Covers(write);
}
