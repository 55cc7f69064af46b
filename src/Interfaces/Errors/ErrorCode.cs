namespace GrainDb.Interfaces.Errors;

/// <summary>Why an operation failed. A code exists only where a caller would act differently.</summary>
public enum ErrorCode
{
    /// <summary>The request itself is wrong.</summary>
    InvalidRequest,

    /// <summary>The key is empty or not decodable.</summary>
    InvalidKey,

    /// <summary>The keyspace's family, or this version, does not offer it.</summary>
    UnsupportedForFamily,

    /// <summary>The caller may not do this (system keyspaces).</summary>
    Forbidden,

    /// <summary>No live version at the timestamp.</summary>
    KeyNotFound,

    /// <summary>No such keyspace.</summary>
    KeyspaceNotFound,

    /// <summary>No such node.</summary>
    NodeNotFound,

    /// <summary>No such range.</summary>
    RangeNotFound,

    /// <summary>The path names nothing.</summary>
    RouteNotFound,

    /// <summary>The path exists, the method does not.</summary>
    MethodNotAllowed,

    /// <summary>The keyspace exists with another configuration.</summary>
    KeyspaceExists,

    /// <summary>The timestamp is below the GC threshold.</summary>
    SnapshotTooOld,

    /// <summary>A condition on the version did not hold.</summary>
    VersionMismatch,

    /// <summary>The key is longer than the limit.</summary>
    KeyTooLarge,

    /// <summary>The value is longer than the limit.</summary>
    ValueTooLarge,

    /// <summary>The request body is larger than the limit.</summary>
    RequestTooLarge,

    /// <summary>A bounded queue is full; retry after a pause.</summary>
    Overloaded,

    /// <summary>Nobody can serve it now, and certainly nothing was proposed.</summary>
    Unavailable,

    /// <summary>The effect may or may not have happened.</summary>
    OutcomeUnknown,

    /// <summary>A file is damaged; the range is broken.</summary>
    Corruption,

    /// <summary>A bug.</summary>
    Internal,

    /// <summary>The route was stale. Never leaves the cluster: the router retries with a newer range map.</summary>
    RangeMoved,

    /// <summary>The body's media type is not one that the route reads.</summary>
    UnsupportedMediaType,

    /// <summary>Another transaction was first; the keys say where. Nothing was applied; run it again.</summary>
    TransactionConflict,

    /// <summary>No such transaction.</summary>
    TransactionNotFound,

    /// <summary>The transaction is over: it expired, was rolled back, or lost its coordinator. Begin another.</summary>
    TransactionExpired,

    /// <summary>The transaction writes, or has read, more than the limit.</summary>
    TransactionTooLarge,

    /// <summary>The same request is still being carried out; ask again.</summary>
    IdempotencyInProgress,

    /// <summary>The idempotency key was used for another request.</summary>
    IdempotencyMismatch,

    /// <summary>An increment met a value that is no integer.</summary>
    NotAnInteger,

    /// <summary>The feed no longer has what comes after the cursor.</summary>
    CursorCompacted,

    /// <summary>The saga only goes forward from here.</summary>
    SagaPastPivot,

    /// <summary>The saga, or its step, is not in a state in which this can be done.</summary>
    SagaStateConflict,

    /// <summary>The key has as many concurrent values as it may: they must be resolved before another one is added.</summary>
    TooManySiblings,

    /// <summary>No such conflict is recorded, or not any more.</summary>
    ConflictNotFound,

    /// <summary>No such saga.</summary>
    SagaNotFound,

    /// <summary>No such definition of a saga.</summary>
    SagaDefinitionNotFound,

    /// <summary>Another definition is stored under that name and version, for good.</summary>
    SagaDefinitionExists,

    /// <summary>No such order.</summary>
    OrderNotFound,

    /// <summary>No such article in the inventory.</summary>
    ArticleNotFound,

    /// <summary>No such account.</summary>
    AccountNotFound,

    /// <summary>No shipment was created for the order.</summary>
    ShipmentNotFound,
}
