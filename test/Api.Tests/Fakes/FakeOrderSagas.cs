using GrainDb.Interfaces.Sagas;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Api.Tests.Fakes;

/// <summary>Sagas of orders, in memory, that stand where a test puts them.</summary>
internal sealed class FakeOrderSagas : ISagaStore
{
    private static readonly DateTimeOffset Start = DateTimeOffset.UnixEpoch;

    private readonly Dictionary<string, SagaStart> _started = new(StringComparer.Ordinal);

    public int Calls { get; private set; }

    public Failure? NextFailure { get; set; }

    public SagaQuery? LastQuery { get; private set; }

    public TimeSpan LastWait { get; private set; }

    public SagaStart? LastStart { get; private set; }

    /// <summary>How sagas look; a new one by default.</summary>
    public Func<SagaView, SagaView> Look { get; set; } = saga => saga;

    public Task<SagaAnswer> StartAsync(SagaStart start, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (Enter() is { } failure)
            return Task.FromResult(SagaAnswer.Failed(failure));
        LastStart = start;
        var isNew = _started.TryAdd(start.Id, start);
        var there = _started[start.Id];
        return Task.FromResult(there.Definition == start.Definition && there.Input.Span.SequenceEqual(start.Input.Span)
            ? new SagaAnswer { Saga = ViewOf(there), IsRepeated = !isNew }
            : SagaAnswer.Failed(Failure.NotApplied(ErrorCode.IdempotencyMismatch, "There is another saga of that id.")));
    }

    public Task<SagaAnswer> FindAsync(string id, TimeSpan wait, TimeSpan timeout, CancellationToken cancellationToken)
    {
        LastWait = wait;
        if (Enter() is { } failure)
            return Task.FromResult(SagaAnswer.Failed(failure));
        return Task.FromResult(_started.TryGetValue(id, out var start)
            ? new SagaAnswer { Saga = ViewOf(start) }
            : SagaAnswer.Failed(Failure.NotApplied(ErrorCode.SagaNotFound, $"There is no saga '{id}'.")));
    }

    public Task<SagaPage> ListAsync(SagaQuery query, TimeSpan timeout, CancellationToken cancellationToken)
    {
        LastQuery = query;
        return Task.FromResult(Enter() is { } failure
            ? SagaPage.Failed(failure)
            : new SagaPage { Items = [.. _started.Values.Select(start => ViewOf(start).Summary).Take(query.Limit)], Cursor = _started.Count > query.Limit ? "next" : null });
    }

    public Task<SagaAnswer> ActAsync(string id, SagaCommand command, IdempotencyStamp? idempotency, TimeSpan timeout, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public Task<SagaHistory> HistoryAsync(string id, int from, int limit, TimeSpan wait, TimeSpan timeout, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<SagaDefinitionAnswer> PutDefinitionAsync(
        string name, int version, ReadOnlyMemory<byte> definition, IdempotencyStamp? idempotency, TimeSpan timeout, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<SagaDefinitionAnswer> FindDefinitionAsync(string name, int version, TimeSpan timeout, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<SagaDefinitionPage> ListDefinitionsAsync(string? cursor, int limit, TimeSpan timeout, CancellationToken cancellationToken) => throw new NotSupportedException();

    private SagaView ViewOf(SagaStart start) => Look(new SagaView(
        new SagaSummary { Id = start.Id, Definition = start.Definition, Version = start.Version ?? 1, Status = "pending", StartedAt = Start, UpdatedAt = Start }, start.Input, []));

    private Failure? Enter()
    {
        Calls++;
        var failure = NextFailure;
        NextFailure = null;
        return failure;
    }
}
