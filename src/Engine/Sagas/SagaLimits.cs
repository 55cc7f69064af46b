namespace GrainDb.Engine.Sagas;

/// <summary>Bounds of sagas.</summary>
public static class SagaLimits
{
    /// <summary>Most steps of a definition.</summary>
    public const int MaxSteps = 50;

    /// <summary>Longest name of a definition, step, group, service, action or signal.</summary>
    public const int MaxNameLength = 64;

    /// <summary>Longest id of a saga.</summary>
    public const int MaxIdLength = 128;

    /// <summary>Most bytes of a definition, an input, an output or a signal's payload, as JSON.</summary>
    public const int MaxDocumentBytes = 64 * 1024;

    /// <summary>Deepest nesting of an input, an output or a payload: well below the 64 at which readers of JSON stop, with all that is put around it.</summary>
    public const int MaxDocumentDepth = 48;

    /// <summary>Most rows of one saga's log: one that reaches it is stuck and can only be closed. Answers that were under way, and the row that says so, may still follow.</summary>
    public const int MaxLogRows = 10_000;

    /// <summary>Most attempts of a step in one direction before its budget is over.</summary>
    public const int MaxAttempts = 1_000;

    /// <summary>Most distinct signals that one saga takes.</summary>
    public const int MaxSignals = 100;

    /// <summary>Most rows that are appended together.</summary>
    public const int MaxBatchRows = 64;

    /// <summary>Bytes of rows after which nothing more is appended together with them.</summary>
    public const int MaxBatchBytes = 512 * 1024;

    /// <summary>Most requests that wait for one activation of a saga.</summary>
    public const int MaxProposals = 256;

    /// <summary>Longest reason that is kept with a failure, in characters.</summary>
    public const int MaxReasonLength = 1_000;

    /// <summary>Shortest timeout of a step.</summary>
    public static readonly TimeSpan MinTimeout = TimeSpan.FromMilliseconds(100);

    /// <summary>Longest timeout of a step.</summary>
    public static readonly TimeSpan MaxTimeout = TimeSpan.FromMinutes(10);

    /// <summary>Longest deadline of a saga.</summary>
    public static readonly TimeSpan MaxDeadline = TimeSpan.FromDays(365);

    /// <summary>First pause after a read or an append of the log that failed; doubled up to <see cref="LongestLogPause"/>.</summary>
    public static readonly TimeSpan FirstLogPause = TimeSpan.FromMilliseconds(50);

    /// <summary>Longest pause after a read or an append of the log that failed.</summary>
    public static readonly TimeSpan LongestLogPause = TimeSpan.FromSeconds(5);

    /// <summary>How often a step whose budget is over is tried again while the saga is stuck in it.</summary>
    public static readonly TimeSpan StuckRetry = TimeSpan.FromMinutes(5);
}
