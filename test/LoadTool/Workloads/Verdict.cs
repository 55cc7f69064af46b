namespace GrainDb.LoadTool.Workloads;

/// <summary>How a response is counted.</summary>
internal enum VerdictKind
{
    /// <summary>It did what was asked.</summary>
    Success,

    /// <summary>A condition did not hold: an answer, not an error.</summary>
    Conflict,

    /// <summary>An error, named by its code.</summary>
    Failure,
}

/// <summary>The judgement over one response.</summary>
/// <param name="Kind">How it is counted.</param>
/// <param name="Code">The error's code; null unless it is a failure.</param>
internal readonly record struct Verdict(VerdictKind Kind, string? Code)
{
    /// <summary>A success.</summary>
    public static readonly Verdict Success = new(VerdictKind.Success, null);

    /// <summary>A condition that did not hold.</summary>
    public static readonly Verdict Conflict = new(VerdictKind.Conflict, null);

    /// <summary>A failure.</summary>
    public static Verdict Failure(string code) => new(VerdictKind.Failure, code);
}
