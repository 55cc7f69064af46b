using GrainDb.Interfaces.Errors;

namespace GrainDb.Interfaces.Sagas;

/// <summary>What came of a request to one saga.</summary>
[GenerateSerializer, Immutable, Alias("graindb.saga-answer")]
public sealed record SagaAnswer
{
    /// <summary>Null when it was served.</summary>
    [Id(0)]
    public Failure? Failure { get; init; }

    /// <summary>The saga; null when it failed.</summary>
    [Id(1)]
    public SagaView? Saga { get; init; }

    /// <summary>Whether the same request took effect before, and nothing was done now.</summary>
    [Id(2)]
    public bool IsRepeated { get; init; }

    /// <summary>A request that failed.</summary>
    public static SagaAnswer Failed(Failure failure) => new() { Failure = failure };
}

/// <summary>One saga.</summary>
/// <param name="Summary">What lists show of it.</param>
/// <param name="Input">What it was started with, JSON.</param>
/// <param name="Steps">Its steps in order.</param>
[GenerateSerializer, Immutable, Alias("graindb.saga-view")]
public sealed record SagaView([property: Id(0)] SagaSummary Summary, [property: Id(1)] ReadOnlyMemory<byte> Input, [property: Id(2)] SagaStepView[] Steps)
{
    /// <summary>Whether it only goes forward from here.</summary>
    [Id(3)]
    public bool IsPastPivot { get; init; }

    /// <summary>Whether its time was over.</summary>
    [Id(4)]
    public bool IsOverdue { get; init; }

    /// <summary>Names of the signals that came.</summary>
    [Id(5)]
    public string[] Signals { get; init; } = [];

    /// <summary>Rows of its log.</summary>
    [Id(6)]
    public int Rows { get; init; }

    /// <summary>When it must have ended; null for no such time.</summary>
    [Id(7)]
    public DateTimeOffset? Deadline { get; init; }
}

/// <summary>What lists show of a saga.</summary>
[GenerateSerializer, Immutable, Alias("graindb.saga-summary")]
public sealed record SagaSummary
{
    /// <summary>Its id.</summary>
    [Id(0)]
    public required string Id { get; init; }

    /// <summary>Name of its definition.</summary>
    [Id(1)]
    public required string Definition { get; init; }

    /// <summary>Version of its definition.</summary>
    [Id(2)]
    public required int Version { get; init; }

    /// <summary><c>pending running waiting compensating stuckForward stuckBackward completed compensated closedManually</c>.</summary>
    [Id(3)]
    public required string Status { get; init; }

    /// <summary>Whether it has ended, for good.</summary>
    [Id(4)]
    public bool HasEnded { get; init; }

    /// <summary>Whether it is paused.</summary>
    [Id(5)]
    public bool IsPaused { get; init; }

    /// <summary>The step at which it is; null before the first and at the end.</summary>
    [Id(6)]
    public string? Step { get; init; }

    /// <summary>Why it stands where it stands: why it waits, turned back, is stuck or was ended; null when there is nothing to say.</summary>
    [Id(7)]
    public string? Reason { get; init; }

    /// <summary>When it was started.</summary>
    [Id(8)]
    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>When its last row was appended; when it has ended, its end.</summary>
    [Id(9)]
    public required DateTimeOffset UpdatedAt { get; init; }
}

/// <summary>One step of a saga.</summary>
[GenerateSerializer, Immutable, Alias("graindb.saga-step-view")]
public sealed record SagaStepView
{
    /// <summary>Its name.</summary>
    [Id(0)]
    public required string Name { get; init; }

    /// <summary><c>compensatable pivot retriable</c>.</summary>
    [Id(1)]
    public required string Kind { get; init; }

    /// <summary><c>notStarted scheduled completed rejected skipped undoing undone</c>.</summary>
    [Id(2)]
    public required string Status { get; init; }

    /// <summary>Who carries it out.</summary>
    [Id(3)]
    public required string Service { get; init; }

    /// <summary>Failed attempts in the direction in which it goes.</summary>
    [Id(4)]
    public int FailedAttempts { get; init; }

    /// <summary>When it is tried again; null when nothing is planned.</summary>
    [Id(5)]
    public DateTimeOffset? RetryAt { get; init; }

    /// <summary>The signal that it waits for; null when it waits for none.</summary>
    [Id(6)]
    public string? WaitsFor { get; init; }

    /// <summary>What the service said last when it did not complete; null when it did.</summary>
    [Id(7)]
    public string? Reason { get; init; }

    /// <summary>What the service was given, JSON; empty before it was scheduled.</summary>
    [Id(8)]
    public ReadOnlyMemory<byte> Input { get; init; }

    /// <summary>What the service gave back, JSON; empty for nothing.</summary>
    [Id(9)]
    public ReadOnlyMemory<byte> Output { get; init; }
}
