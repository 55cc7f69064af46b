namespace GrainDb.Interfaces.Errors;

/// <summary>What is certain about the effect of a failed operation.</summary>
public enum Outcome
{
    /// <summary>It certainly did not happen and never will.</summary>
    NotApplied,

    /// <summary>It happened.</summary>
    Applied,

    /// <summary>It may have happened, or may still happen.</summary>
    Unknown,
}
