using GrainDb.Interfaces.Transactions;

namespace GrainDb.Interfaces.Sagas;

/// <summary>
/// Sagas as one node offers them to the API in its process. Expected failures are results. Any node serves any saga; a saga lives in its log alone, so nothing here depends on the
/// node that was asked. JSON travels as UTF-8.
/// </summary>
public interface ISagaStore
{
    /// <summary>
    /// Starts a saga, once for its id: the same again is the same saga (<see cref="SagaAnswer.IsRepeated"/>), another definition or input under that id is
    /// <see cref="Errors.ErrorCode.IdempotencyMismatch"/>. Returns when its first row is durable; it is carried out from then on, whatever becomes of the caller.
    /// </summary>
    Task<SagaAnswer> StartAsync(SagaStart start, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>One saga as it is now; <see cref="Errors.ErrorCode.SagaNotFound"/> when there is none.</summary>
    /// <param name="id">The saga.</param>
    /// <param name="wait">Zero answers at once; else as soon as it has ended, at the latest after this time.</param>
    /// <param name="timeout">Budget of everything but the wait.</param>
    /// <param name="cancellationToken">The caller gave up.</param>
    Task<SagaAnswer> FindAsync(string id, TimeSpan wait, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>Does something to a saga; returns when that is durable. What it leads to goes on afterwards.</summary>
    /// <param name="id">The saga.</param>
    /// <param name="command">What.</param>
    /// <param name="idempotency">Makes a repeated request one; null for none.</param>
    /// <param name="timeout">Budget of the whole operation.</param>
    /// <param name="cancellationToken">The caller gave up: it may still happen.</param>
    Task<SagaAnswer> ActAsync(string id, SagaCommand command, IdempotencyStamp? idempotency, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>Lists sagas, running and ended.</summary>
    Task<SagaPage> ListAsync(SagaQuery query, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>Rows of a saga's log, in order.</summary>
    /// <param name="id">The saga.</param>
    /// <param name="from">Sequence number of the first row wanted; the first of all is 0.</param>
    /// <param name="limit">Most rows, 1 to <see cref="SagaQuery.MaxLimit"/>.</param>
    /// <param name="wait">How long to wait for a row where there is none yet and the saga has not ended; zero for not at all.</param>
    /// <param name="timeout">Budget of everything but the wait.</param>
    /// <param name="cancellationToken">The caller gave up.</param>
    Task<SagaHistory> HistoryAsync(string id, int from, int limit, TimeSpan wait, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>
    /// Stores a definition, for good. The same again succeeds; another one under its name and version is <see cref="Errors.ErrorCode.SagaDefinitionExists"/>. What is wrong with it is
    /// named, all at once, by <see cref="Errors.ErrorCode.InvalidRequest"/>.
    /// </summary>
    /// <param name="name">Its name.</param>
    /// <param name="version">Its version, 1 or more.</param>
    /// <param name="definition">JSON as of docs/sagas.md, without name and version.</param>
    /// <param name="idempotency">Makes a repeated request one; null for none.</param>
    /// <param name="timeout">Budget of the whole operation.</param>
    /// <param name="cancellationToken">The caller gave up: it may still happen.</param>
    Task<SagaDefinitionAnswer> PutDefinitionAsync(
        string name, int version, ReadOnlyMemory<byte> definition, IdempotencyStamp? idempotency, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>One definition; <see cref="Errors.ErrorCode.SagaDefinitionNotFound"/> when there is none.</summary>
    Task<SagaDefinitionAnswer> FindDefinitionAsync(string name, int version, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>All definitions, by name and version.</summary>
    /// <param name="cursor">The previous page's cursor; null on the first page.</param>
    /// <param name="limit">Most definitions, 1 to <see cref="SagaQuery.MaxLimit"/>.</param>
    /// <param name="timeout">Budget of the whole operation.</param>
    /// <param name="cancellationToken">The caller gave up.</param>
    Task<SagaDefinitionPage> ListDefinitionsAsync(string? cursor, int limit, TimeSpan timeout, CancellationToken cancellationToken);
}
