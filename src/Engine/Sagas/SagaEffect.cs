using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Sagas;

/// <summary>What the host of a <see cref="SagaDriver"/> is to do.</summary>
public abstract record SagaEffect
{
    /// <summary>Read the whole log and its definition, then <see cref="SagaDriver.Loaded"/> or <see cref="SagaDriver.LoadFailed"/>.</summary>
    public sealed record Load : SagaEffect;

    /// <summary>
    /// Append rows, all or none, on condition that there is no row at <paramref name="From"/>, together with the saga's place in the index; then <see cref="SagaDriver.Appended"/>.
    /// </summary>
    /// <param name="From">Sequence number of the first.</param>
    /// <param name="Rows">Encoded, in order.</param>
    /// <param name="After">The saga with these rows.</param>
    /// <param name="Stamp">Stored with the rows; null for none.</param>
    public sealed record Append(int From, IReadOnlyList<ReadOnlyMemory<byte>> Rows, SagaState After, IdempotencyStamp? Stamp) : SagaEffect;

    /// <summary>Call a service, then <see cref="SagaDriver.Answered"/>. Other effects need not wait for it.</summary>
    /// <param name="Step">What to call.</param>
    public sealed record Call(SagaAction.Call Step) : SagaEffect;

    /// <summary>Ask again at a moment; null: nothing before something comes from outside.</summary>
    /// <param name="Until">The moment.</param>
    public sealed record Wait(DateTimeOffset? Until) : SagaEffect;
}

/// <summary>How an append ended.</summary>
public enum SagaAppendOutcome
{
    /// <summary>The rows are durable.</summary>
    Appended,

    /// <summary>Certainly not these: there is a row already, another activation was first.</summary>
    Lost,

    /// <summary>Certainly not now; another attempt may succeed.</summary>
    NotApplied,

    /// <summary>Nobody knows, and it may still happen.</summary>
    Unknown,

    /// <summary>Certainly not these: the request with the stamp took effect before.</summary>
    Repeated,

    /// <summary>Certainly not these: the stamp's key belongs to another request.</summary>
    StampMismatch,
}
