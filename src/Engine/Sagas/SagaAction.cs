namespace GrainDb.Engine.Sagas;

/// <summary>What is to be done next.</summary>
public abstract record SagaAction
{
    /// <summary>Append a row, then ask again.</summary>
    /// <param name="Row">The row.</param>
    public sealed record Append(SagaEvent Row) : SagaAction;

    /// <summary>Call the service of a step. Its schedule is durable; the same call may have been made before.</summary>
    /// <param name="Step">The step.</param>
    /// <param name="IsUndo">Whether its compensation.</param>
    /// <param name="Attempt">1, 2, ….</param>
    public sealed record Call(SagaStepState Step, bool IsUndo, int Attempt) : SagaAction;

    /// <summary>Nothing before a moment; null: nothing until something comes from outside.</summary>
    /// <param name="Until">The moment.</param>
    public sealed record Wait(DateTimeOffset? Until) : SagaAction;
}

/// <summary>How a call of a service ended.</summary>
public enum SagaCallStatus
{
    /// <summary>The effect is there.</summary>
    Completed,

    /// <summary>Refused for a reason of business; no effect, now or later.</summary>
    Rejected,

    /// <summary>Certainly no effect this time; another attempt may help.</summary>
    Transient,

    /// <summary>Nobody knows.</summary>
    Unknown,

    /// <summary>Nobody can carry it out as it is: no such service or action, an input that it cannot read.</summary>
    Bug,
}

/// <summary>What a service answered.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Output">What it gave back; undefined for nothing.</param>
/// <param name="Reason">Why, when it did not complete; empty when it did.</param>
public sealed record SagaCallResult(SagaCallStatus Status, System.Text.Json.JsonElement Output, string Reason);
