namespace GrainDb.Interfaces.Sagas;

/// <summary>What can be done to a saga.</summary>
public enum SagaCommandKind : byte
{
    /// <summary>Turn back; before the pivot.</summary>
    Cancel,

    /// <summary>Begin nothing new.</summary>
    Pause,

    /// <summary>Go on after a pause.</summary>
    Resume,

    /// <summary>End it as it is; somebody has taken care of the rest.</summary>
    Close,

    /// <summary>Bring it a signal. The first of a name counts.</summary>
    Signal,

    /// <summary>Try a step again, with a new budget.</summary>
    Retry,

    /// <summary>Take a step for completed, with an output.</summary>
    Skip,

    /// <summary>Take a step for undone.</summary>
    MarkUndone,
}

/// <summary>Something that is done to a saga.</summary>
/// <param name="Kind">What.</param>
/// <param name="Target">The step of <see cref="SagaCommandKind.Retry"/>, <see cref="SagaCommandKind.Skip"/> and <see cref="SagaCommandKind.MarkUndone"/>, the name of a signal; else null.</param>
/// <param name="Actor">Who; kept in the log.</param>
/// <param name="Reason">Why; kept in the log.</param>
/// <param name="Payload">What a signal brings, the output of a step that is skipped: JSON as UTF-8; empty for none.</param>
[GenerateSerializer, Immutable, Alias("graindb.saga-command")]
public sealed record SagaCommand(
    [property: Id(0)] SagaCommandKind Kind,
    [property: Id(1)] string? Target,
    [property: Id(2)] string Actor,
    [property: Id(3)] string Reason,
    [property: Id(4)] ReadOnlyMemory<byte> Payload);
