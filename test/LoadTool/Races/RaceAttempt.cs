namespace GrainDb.LoadTool.Races;

/// <summary>How one conditional write ended.</summary>
internal enum RaceResult
{
    /// <summary>It won: the condition held and the value is there.</summary>
    Won,

    /// <summary>It lost: another write had been first.</summary>
    Lost,

    /// <summary>Certainly not applied, for another reason than the condition.</summary>
    Refused,

    /// <summary>Nobody knows.</summary>
    Unknown,
}

/// <summary>One conditional write.</summary>
/// <param name="BasedOn">The version in <c>If-Match</c>.</param>
/// <param name="Result">How it ended.</param>
/// <param name="Version">Won: the new version; lost: the version that is said to be current; else null.</param>
internal readonly record struct RaceAttempt(string BasedOn, RaceResult Result, string? Version);
