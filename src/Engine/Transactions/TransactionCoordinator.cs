using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// One transaction at the node that began it: its snapshot (<see cref="TransactionReads"/>), its writes until the commit (<see cref="WriteBuffer"/>), and its way to
/// the decision (<see cref="DistributedCommit"/>). Active until it is committed, rolled back, expired, or its snapshot is lost; then it keeps the answer that it gave.
/// <para>Nothing of it is anywhere else before its commit: with its node an active transaction is gone, and certainly has no effect. Thread-safe.</para>
/// </summary>
public sealed partial class TransactionCoordinator
{
    private readonly CoordinatorContext _context;
    private readonly TransactionOptions _options;
    private readonly TransactionReads _reads;
    private readonly WriteBuffer _writes = new();
    private readonly Lock _gate = new();
    private TaskCompletionSource<CommitResult>? _commit;
    private TransactionStatus _status;
    private Timestamp _commitTimestamp;
    private Failure? _why;
    private long _lastUse;
    private volatile bool _validates;

    /// <summary>A transaction that begins now.</summary>
    /// <param name="context">The node.</param>
    /// <param name="id">Its id, drawn a moment ago (<see cref="CoordinatorContext.NewId()"/>).</param>
    /// <param name="options">What it is to be; within bounds, see <see cref="WhyNotBegin"/>.</param>
    public TransactionCoordinator(CoordinatorContext context, TransactionId id, TransactionOptions options)
        : this(context, id, id.Began, options)
    {
    }

    /// <summary>One whose snapshot is newer than its id: another attempt of a transaction that began before.</summary>
    internal TransactionCoordinator(CoordinatorContext context, TransactionId id, Timestamp now, TransactionOptions options)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(options);
        _context = context;
        _options = options;
        Id = id;
        ExpiresAt = id.Began.Add(options.Duration).ToTime();
        _reads = new TransactionReads(context, id, options.AsOf.IsZero ? now : options.AsOf, isNamed: !options.AsOf.IsZero);
        _lastUse = context.Time.GetTimestamp();
        _validates = options.Isolation == IsolationLevel.Serializable;
    }

    /// <summary>Its id.</summary>
    public TransactionId Id { get; }

    /// <summary>When it is rolled back at the latest.</summary>
    public DateTimeOffset ExpiresAt { get; }

    /// <summary>Its snapshot as it is now.</summary>
    public Timestamp ReadTimestamp => _reads.ReadTimestamp;

    /// <summary>How long nobody asked anything of it.</summary>
    public TimeSpan IdleFor
    {
        get
        {
            lock (_gate)
                return _context.Time.GetElapsedTime(_lastUse);
        }
    }

    /// <summary>Whether it is decided, or given up.</summary>
    public bool IsOver
    {
        get
        {
            lock (_gate)
                return _status is TransactionStatus.Committed or TransactionStatus.Aborted;
        }
    }

    /// <summary>What is known of it.</summary>
    public TransactionView View
    {
        get
        {
            lock (_gate)
                return new TransactionView(Id, _status, _commitTimestamp, _why?.Detail);
        }
    }

    /// <summary>Why there can be no such transaction; null when there can.</summary>
    public static Failure? WhyNotBegin(TransactionOptions options, Timestamp now)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Isolation is { } level && !Enum.IsDefined(level))
            return Invalid($"isolation {level}: snapshot or serializable");
        if (options.Duration < TimeSpan.FromSeconds(1) || options.Duration > TransactionLimits.MaxDuration)
            return Invalid($"a duration of {options.Duration}: 1 s to {TransactionLimits.MaxDuration.TotalSeconds} s");
        if (!options.AsOf.IsZero && !options.ReadOnly)
            return Invalid("a transaction of an old snapshot is read-only");
        return options.AsOf > now.Add(Time.HybridLogicalClock.DefaultMaxOffset) ? Invalid($"{options.AsOf} lies in the future") : null;
    }

    /// <summary>Reads a key of the snapshot, or its own write, whose version is zero: it has none before the commit.</summary>
    /// <param name="keyspace">Name of the keyspace.</param>
    /// <param name="key">The user's key.</param>
    /// <param name="timeout">The time that it may take.</param>
    /// <param name="cancellationToken">The caller gave up.</param>
    public ValueTask<ReadResult> ReadAsync(string keyspace, ReadOnlyMemory<byte> key, TimeSpan timeout, CancellationToken cancellationToken) =>
        ReadAsync(keyspace, key, mustHold: false, timeout, cancellationToken);

    /// <summary>Buffers a write until the commit. A condition is evaluated against the snapshot and own writes now, and again by the commit.</summary>
    /// <returns>Why not; null when it is taken. The transaction goes on either way.</returns>
    /// <param name="keyspace">Name of the keyspace.</param>
    /// <param name="write">The write; its key is the user's.</param>
    /// <param name="timeout">The time that it may take.</param>
    /// <param name="cancellationToken">The caller gave up.</param>
    public async ValueTask<Failure?> WriteAsync(string keyspace, KeyWrite write, TimeSpan timeout, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(write);
        var budget = _context.Budget(timeout);
        if (Use() is { } over)
            return over;
        if (_options.ReadOnly)
            return Invalid("the transaction is read-only");
        if (WriteRules.Check(keyspace, write, _context) is { } invalid)
            return invalid;
        var (routes, failure) = await FindAsync(keyspace, budget, cancellationToken);
        if (failure is not null)
            return failure;
        var routed = write with { Key = RoutingKey.Of(routes!.Keyspace.Partitioning, write.Key) };
        if (write.Condition.Kind != ConditionKind.None
            && await EvaluateAsync(keyspace, routed, budget, cancellationToken) is { } mismatch)
        {
            return mismatch;
        }

        lock (_gate)
            return WhyNotActive() ?? _writes.Add(keyspace, routed);
    }

    /// <summary>Says that the client is still there.</summary>
    /// <returns>Why it does not matter any more; null when the transaction goes on.</returns>
    public Failure? KeepAlive() => Use();

    /// <summary>Ends it without an effect. One that is being committed goes on to its decision.</summary>
    /// <returns>Why not: it is committed, or not decided yet; null when it certainly has no effect.</returns>
    public async Task<Failure?> RollbackAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        Task<CommitResult>? committing;
        lock (_gate)
        {
            if (_status == TransactionStatus.Active)
                Abort(Failure.NotApplied(ErrorCode.TransactionExpired, $"transaction {Id} was rolled back"));
            committing = _commit?.Task;
        }

        if (committing is null)
            return null;
        var result = await AwaitAsync(committing, timeout, cancellationToken);
        return result.Failure switch
        {
            null => new Failure(ErrorCode.TransactionExpired, Outcome.Applied, $"transaction {Id} is committed"),
            { Outcome: Outcome.NotApplied } => null,
            var failure => failure,
        };
    }

    /// <summary>Rolls it back if its time is over, or nobody asked anything of it for too long.</summary>
    public void ExpireIfDue()
    {
        lock (_gate)
        {
            if (_status != TransactionStatus.Active)
                return;
            if (_context.Time.GetUtcNow() >= ExpiresAt)
                Abort(Expired($"lived longer than {_options.Duration.TotalSeconds} s"));
            else if (_context.Time.GetElapsedTime(_lastUse) >= TransactionLimits.MaxIdle)
                Abort(Expired($"was idle for {TransactionLimits.MaxIdle.TotalSeconds} s"));
        }
    }

    /// <summary>Reads a key; whether the commit depends on it under any isolation is the caller's choice.</summary>
    internal async ValueTask<ReadResult> ReadAsync(string keyspace, ReadOnlyMemory<byte> key, bool mustHold, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var budget = _context.Budget(timeout);
        if ((Use() ?? WriteRules.CheckKey(key)) is { } refused)
            return ReadResult.Failed(refused);
        var (routes, failure) = await FindAsync(keyspace, budget, cancellationToken);
        if (failure is not null)
            return ReadResult.Failed(failure);
        var routed = RoutingKey.Of(routes!.Keyspace.Partitioning, key);
        lock (_gate)
        {
            if (_writes.Find(keyspace, routed) is { } own)
                return OwnWrite(own);
        }

        return After(await _reads.ReadAsync(keyspace, routed, mustHold, budget, cancellationToken), result => result.Failure, ReadResult.Failed);
    }

    private ReadResult OwnWrite(KeyWrite own) => own.Kind == WriteKind.Delete
        ? new ReadResult { ReadTimestamp = ReadTimestamp }
        : new ReadResult { Found = true, ContentType = own.ContentType, Value = own.Value, ReadTimestamp = ReadTimestamp };

    /// <summary>Whether the condition holds, in the snapshot with own writes laid over. An own write has no version that it could be asked for.</summary>
    private async ValueTask<Failure?> EvaluateAsync(string keyspace, KeyWrite write, TimeBudget budget, CancellationToken cancellationToken)
    {
        ReadResult? read = null;
        lock (_gate)
        {
            if (_writes.Find(keyspace, write.Key) is { } own)
                read = OwnWrite(own);
        }

        read ??= After(await _reads.ReadAsync(keyspace, write.Key, mustHold: false, budget, cancellationToken), result => result.Failure, ReadResult.Failed);
        if (read.Failure is not null)
            return read.Failure;
        return WriteRules.Holds(write.Condition, read)
            ? null
            : Failure.NotApplied(ErrorCode.VersionMismatch, read.Found ? $"the key has version {read.Version}" : "the key does not exist") with { CurrentVersion = read.Version };
    }

    private async ValueTask<(IKeyspaceRoutes? Routes, Failure? Failure)> FindAsync(string keyspace, TimeBudget budget, CancellationToken cancellationToken)
    {
        var routes = await _context.Ranges.FindKeyspaceAsync(keyspace, budget.Left, cancellationToken);
        if (_options.Isolation is null && routes is { Keyspace.DefaultIsolation: IsolationLevel.Serializable })
            _validates = true;
        return routes switch
        {
            null => (null, Failure.NotApplied(ErrorCode.KeyspaceNotFound, $"there is no keyspace '{keyspace}'")),
            { Keyspace.Family: not KeyspaceFamily.Strong } => (null, Failure.NotApplied(ErrorCode.UnsupportedForFamily, $"keyspace '{keyspace}' takes no part in transactions")),
            _ => (routes, null),
        };
    }

    /// <summary>A lost snapshot ends the transaction; too large a one that must be validated cannot commit.</summary>
    private T After<T>(T result, Func<T, Failure?> failureOf, Func<Failure, T> failed)
    {
        if (failureOf(result) is not null && _reads.Lost is { } lost)
        {
            lock (_gate)
            {
                if (_status == TransactionStatus.Active)
                    Abort(lost);
            }
        }

        return failureOf(result) is null && _validates && !_options.ReadOnly && _reads.IsOverfull
            ? failed(Overfull)
            : result;
    }

    private static Failure Overfull => Failure.NotApplied(ErrorCode.TransactionTooLarge, $"the transaction has read more than {TransactionLimits.MaxReads} keys and intervals");

    /// <summary>Notes that somebody asks something of it.</summary>
    private Failure? Use()
    {
        ExpireIfDue();
        lock (_gate)
        {
            _lastUse = _context.Time.GetTimestamp();
            return WhyNotActive();
        }
    }

    private Failure? WhyNotActive() => _status switch
    {
        TransactionStatus.Active => null,
        TransactionStatus.Aborted => _why,
        TransactionStatus.Committed => Failure.NotApplied(ErrorCode.TransactionExpired, $"transaction {Id} is committed"),
        _ => Failure.NotApplied(ErrorCode.TransactionExpired, $"transaction {Id} is being committed"),
    };

    private void Abort(Failure why)
    {
        _status = TransactionStatus.Aborted;
        _why = why;
    }

    private Failure Expired(string why) => Failure.NotApplied(ErrorCode.TransactionExpired, $"transaction {Id} {why} and was rolled back");

    private static Failure Invalid(string detail) => Failure.NotApplied(ErrorCode.InvalidRequest, detail);
}
