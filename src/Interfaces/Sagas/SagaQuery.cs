using GrainDb.Interfaces.Errors;

namespace GrainDb.Interfaces.Sagas;

/// <summary>Which sagas to list.</summary>
public sealed record SagaQuery
{
    /// <summary>Most rows of a page.</summary>
    public const int MaxLimit = 1_000;

    /// <summary>Only with one of these statuses; empty for all.</summary>
    public IReadOnlyList<string> Statuses { get; init; } = [];

    /// <summary>Only of this definition; null for all.</summary>
    public string? Definition { get; init; }

    /// <summary>Only at this step; null for all.</summary>
    public string? Step { get; init; }

    /// <summary>Only started before; null for all.</summary>
    public DateTimeOffset? StartedBefore { get; init; }

    /// <summary>The previous page's <see cref="SagaPage.Cursor"/>; null on the first page.</summary>
    public string? Cursor { get; init; }

    /// <summary>1 to <see cref="MaxLimit"/>. A page may hold fewer, and still not be the last.</summary>
    public int Limit { get; init; } = 100;
}

/// <summary>A page of sagas, in no order that means anything. None is left out; one that ends between two pages may be on both.</summary>
public sealed record SagaPage
{
    /// <summary>Null when it was served.</summary>
    public Failure? Failure { get; init; }

    /// <summary>The sagas.</summary>
    public IReadOnlyList<SagaSummary> Items { get; init; } = [];

    /// <summary>Where the next page begins; null when this is the last.</summary>
    public string? Cursor { get; init; }

    /// <summary>A page that was not served.</summary>
    public static SagaPage Failed(Failure failure) => new() { Failure = failure };
}

/// <summary>One row of a saga's log.</summary>
/// <param name="Sequence">0, 1, ….</param>
/// <param name="Event">What happened: <c>started</c>, <c>stepScheduled</c>, ….</param>
/// <param name="Row">The row, JSON; with <c>event</c> and <c>at</c>.</param>
public sealed record SagaRow(int Sequence, string Event, ReadOnlyMemory<byte> Row);

/// <summary>A part of a saga's log.</summary>
public sealed record SagaHistory
{
    /// <summary>Null when it was served.</summary>
    public Failure? Failure { get; init; }

    /// <summary>The rows, in order, without gaps.</summary>
    public IReadOnlyList<SagaRow> Rows { get; init; } = [];

    /// <summary>Sequence number from which to go on.</summary>
    public int Next { get; init; }

    /// <summary>Whether nothing comes after these: the saga has ended.</summary>
    public bool IsComplete { get; init; }

    /// <summary>A history that was not served.</summary>
    public static SagaHistory Failed(Failure failure) => new() { Failure = failure };
}
