using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// The snapshot of one transaction, and what was read of it. A range that has something newer which may have been acknowledged before the
/// transaction began answers with that timestamp instead of a value; the snapshot then moves up to it: at once while nothing was read, else after
/// every range has said that nothing of what was read changed in between. Where something did, the transaction is lost (<see cref="Lost"/>).
/// <para>
/// What a read took counts only if the snapshot is still the one at which it was asked for: while the snapshot moves nothing is added to the read set, and
/// what came back meanwhile is read again. Thread-safe; no lock is held across a call.
/// </para>
/// </summary>
internal sealed class TransactionReads
{
    private readonly CoordinatorContext _context;
    private readonly TransactionId _transaction;
    private readonly Timestamp _uncertainUntil;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Timestamp> _observed = [];
    private readonly ReadSet _set = new();
    private TransactionReader _reader;
    private Timestamp _readTimestamp;
    private TaskCompletionSource? _moving;
    private Failure? _lost;

    /// <param name="context">The node.</param>
    /// <param name="transaction">Who reads.</param>
    /// <param name="readTimestamp">The snapshot.</param>
    /// <param name="isNamed">Whether the client named it: then nothing is uncertain about it, and it never moves.</param>
    public TransactionReads(CoordinatorContext context, TransactionId transaction, Timestamp readTimestamp, bool isNamed)
    {
        _context = context;
        _transaction = transaction;
        _readTimestamp = readTimestamp;
        _uncertainUntil = isNamed ? Timestamp.Zero : readTimestamp.Add(context.Clock.MaxOffset);
        if (!isNamed)
            _observed[context.Node] = readTimestamp;
        _reader = NewReader();
    }

    /// <summary>The snapshot as it is now.</summary>
    public Timestamp ReadTimestamp
    {
        get
        {
            lock (_gate)
                return _readTimestamp;
        }
    }

    /// <summary>Why the snapshot is lost; null when it is not.</summary>
    public Failure? Lost
    {
        get
        {
            lock (_gate)
                return _lost;
        }
    }

    /// <summary>Whether more was read than can be remembered.</summary>
    public bool IsOverfull
    {
        get
        {
            lock (_gate)
                return !_set.IsComplete;
        }
    }

    /// <summary>Reads a routing key.</summary>
    public ValueTask<ReadResult> ReadAsync(string keyspace, ReadOnlyMemory<byte> key, bool mustHold, TimeBudget budget, CancellationToken cancellationToken) => RunAsync(
        (at, reader) => _context.Ranges.ReadAsync(keyspace, new RangeRead(key, at, Generation: 0) { Reader = reader }, budget.Left, cancellationToken),
        result => new Answer(result.Failure, result.UncertainAt, result.Clock, result.ServedBy),
        ReadResult.Failed,
        _ => _set.Add(keyspace, key, mustHold),
        budget,
        cancellationToken);

    /// <summary>Reads a page; what it covers counts as read.</summary>
    public ValueTask<ScanResult> ScanAsync(string keyspace, RangeScan scan, TimeBudget budget, CancellationToken cancellationToken) => RunAsync(
        (at, reader) => _context.Ranges.ScanAsync(keyspace, scan with { AsOf = at, Reader = reader }, budget.Left, cancellationToken),
        result => new Answer(result.Failure, result.UncertainAt, result.Clock, result.ServedBy),
        ScanResult.Failed,
        result => _set.Add(keyspace, Covered(scan, result.ResumeKey)),
        budget,
        cancellationToken);

    /// <summary>The routing keys that a page covers.</summary>
    public static RoutingInterval Covered(RangeScan scan, byte[]? resumeKey) => (scan.Reverse, resumeKey) switch
    {
        (_, null) => new RoutingInterval(scan.Start, scan.End),
        (false, _) => new RoutingInterval(scan.Start, resumeKey),
        (true, _) => new RoutingInterval(resumeKey, scan.End),
    };

    /// <summary>
    /// Ends reading: what is still on its way fails with <paramref name="why"/>. From here on the snapshot stands.
    /// </summary>
    /// <returns>What was read, by keyspace; or why the snapshot is lost.</returns>
    public async Task<(IReadOnlyList<(string Keyspace, ReadSet.KeyspaceReads Reads)> Reads, Failure? Lost)> CloseAsync(Failure why)
    {
        Task moving;
        lock (_gate)
            moving = _moving?.Task ?? Task.CompletedTask;
        await moving;
        lock (_gate)
        {
            _lost ??= why;
            return (Everything(), ReferenceEquals(_lost, why) ? null : _lost);
        }
    }

    /// <summary>Nothing is added to it while the snapshot moves, and after the end.</summary>
    private IReadOnlyList<(string Keyspace, ReadSet.KeyspaceReads Reads)> Everything()
    {
        lock (_gate)
            return [.. _set.Keyspaces.Select(reads => (reads.Key, reads.Value))];
    }

    private async ValueTask<T> RunAsync<T>(
        Func<Timestamp, TransactionReader, ValueTask<T>> ask,
        Func<T, Answer> read,
        Func<Failure, T> failed,
        Action<T> take,
        TimeBudget budget,
        CancellationToken cancellationToken)
    {
        while (true)
        {
            Timestamp at;
            TransactionReader reader;
            Task? moving;
            lock (_gate)
            {
                if (_lost is not null)
                    return failed(_lost);
                (at, reader, moving) = (_readTimestamp, _reader, _moving?.Task);
            }

            if (budget.IsOver)
                return failed(Failure.NotApplied(ErrorCode.Unavailable, "the snapshot could not be settled in time"));
            if (moving is not null)
            {
                await moving.WaitAsync(cancellationToken);
                continue;
            }

            var result = await ask(at, reader);
            var answer = read(result);
            lock (_gate)
            {
                Observe(answer);
                if (answer.Failure is not null)
                    return result;
                if (_lost is not null || _moving is not null || _readTimestamp != at)
                    continue;
                if (answer.UncertainAt.IsZero)
                {
                    take(result);
                    return result;
                }
            }

            if (answer.UncertainAt <= at)
                return failed(Failure.NotApplied(ErrorCode.Internal, $"uncertain about {answer.UncertainAt} in a snapshot at {at}"));
            if (await MoveAsync(at, answer.UncertainAt, budget, cancellationToken) is { } failure)
                return failed(failure);
        }
    }

    /// <summary>Moves the snapshot up, if it is still where it was.</summary>
    /// <returns>Why it cannot be moved now, or ever; null when it moved.</returns>
    private async Task<Failure?> MoveAsync(Timestamp from, Timestamp to, TimeBudget budget, CancellationToken cancellationToken)
    {
        TaskCompletionSource moving;
        lock (_gate)
        {
            if (_moving is not null || _readTimestamp != from)
                return null; // somebody else moves it: look again
            if (_set.IsEmpty || _context.Has(CoordinatorFaults.SkipRefresh))
            {
                _readTimestamp = to;
                return null;
            }

            if (!_set.IsComplete)
                return _lost = Failure.NotApplied(ErrorCode.TransactionConflict, "something newer was met, and too much was read to read it all again") with
                {
                    Conflict = ConflictReason.Snapshot,
                };
            _moving = moving = new TaskCompletionSource();
        }

        var failure = Failure.NotApplied(ErrorCode.Internal, "what was read could not be read again");
        try
        {
            return failure = await RefreshAsync(from, to, budget, cancellationToken);
        }
        finally
        {
            lock (_gate)
            {
                if (failure is null)
                    _readTimestamp = to;
                else if (failure.Code == ErrorCode.TransactionConflict)
                    _lost ??= failure;
                _moving = null;
            }

            moving.SetResult();
        }
    }

    private async Task<Failure?> RefreshAsync(Timestamp after, Timestamp upTo, TimeBudget budget, CancellationToken cancellationToken)
    {
        var asked = new List<Task<Failure?>>();
        foreach (var (keyspace, reads) in Everything())
        {
            if (await _context.Ranges.FindKeyspaceAsync(keyspace, budget.Left, cancellationToken) is not { } routes)
                return Failure.NotApplied(ErrorCode.KeyspaceNotFound, $"there is no keyspace '{keyspace}'");
            foreach (var (range, part) in RangeReads.Split(reads, routes, all: true))
                asked.Add(AskAsync(routes, range, new RangeRefresh([.. part.Keys], [.. part.Intervals], after, upTo, Generation: 0)));
        }

        var failures = (await Task.WhenAll(asked)).OfType<Failure>().ToList();
        return failures.Find(failure => failure.Code == ErrorCode.TransactionConflict) ?? failures.FirstOrDefault();

        async Task<Failure?> AskAsync(IKeyspaceRoutes routes, RangeId range, RangeRefresh request) =>
            await _context.Ranges.RefreshAsync(range, request, budget.Left, cancellationToken) is { } failure
                ? ConflictKeys.ToUser(failure, routes.Keyspace)
                : null;
    }

    /// <summary>
    /// The first reading of a node's clock stands: what that node writes later by its own clock came after the transaction's beginning. Of two first
    /// contacts at once the lower.
    /// </summary>
    private void Observe(Answer answer)
    {
        if (_uncertainUntil.IsZero || answer.Clock.IsZero || answer.ServedBy is not { Node: var node })
            return;
        if (_observed.TryGetValue(node, out var known) && known <= answer.Clock)
            return;
        _observed[node] = answer.Clock;
        _reader = NewReader();
    }

    private TransactionReader NewReader() =>
        new(_transaction, _uncertainUntil, [.. _observed.Select(observed => new ObservedClock(observed.Key, observed.Value))]);

    private readonly record struct Answer(Failure? Failure, Timestamp UncertainAt, Timestamp Clock, ServedBy? ServedBy);
}
