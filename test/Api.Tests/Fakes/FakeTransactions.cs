using System.Globalization;
using System.Text;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Api.Tests.Fakes;

/// <summary>
/// Transactions over <see cref="FakeStore"/>: snapshots, own writes, first committer wins, one-request transactions, stored answers. Every call is
/// counted, so that a test can prove that bad input never got here.
/// </summary>
internal sealed class FakeTransactions(FakeStore store) : ITransactionStore
{
    private readonly Dictionary<TransactionId, Open> _all = [];
    private ulong _nonce;
    private int _calls;

    public int Calls => _calls;

    /// <summary>Answers the next call in place of the store.</summary>
    public Failure? NextFailure { get; set; }

    /// <summary>Thrown by the next call.</summary>
    public Exception? NextException { get; set; }

    /// <summary>What the next <see cref="FindAsync"/> tells.</summary>
    public TransactionView? NextView { get; set; }

    public TransactionOptions? LastOptions { get; private set; }

    public TransactRequest? LastRequest { get; private set; }

    /// <summary>Answers the next one-request transaction in place of the store.</summary>
    public TransactResult? NextResult { get; set; }

    public TimeSpan LastTimeout { get; private set; }

    public IdempotencyStamp? LastStamp { get; private set; }

    public Task<TransactionBegun> BeginAsync(TransactionOptions options, TimeSpan timeout, CancellationToken cancellationToken)
    {
        LastOptions = options;
        if (Enter(timeout) is { } failure)
            return Task.FromResult(TransactionBegun.Failed(failure));
        lock (store.Gated)
        {
            var id = new TransactionId(store.Now, ++_nonce);
            _all.Add(id, new Open(options, options.AsOf.IsZero ? store.Now : options.AsOf));
            return Task.FromResult(Begun(id));
        }
    }

    public Task<TransactionView?> FindAsync(TransactionId transaction, TimeSpan timeout, CancellationToken cancellationToken)
    {
        Enter(timeout);
        if (NextView is { } view)
            return Task.FromResult<TransactionView?>(view);
        return Task.FromResult(_all.TryGetValue(transaction, out var open) ? new TransactionView(transaction, open.Status, open.Committed, open.Reason) : null);
    }

    public ValueTask<ReadResult> ReadAsync(TransactionId transaction, string keyspace, ReadOnlyMemory<byte> key, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (Enter(transaction, keyspace, timeout, out var open) is { } failure)
            return new(ReadResult.Failed(failure));
        lock (store.Gated)
        {
            if (open.Find(keyspace, key) is { } own)
            {
                return new(own.Kind == WriteKind.Delete
                    ? new ReadResult { ReadTimestamp = open.Snapshot }
                    : new ReadResult { Found = true, ContentType = own.ContentType, Value = own.Value, ReadTimestamp = open.Snapshot });
            }

            return new(store.At(keyspace, key, open.Snapshot) is { } item
                ? new ReadResult { Found = true, Version = item.Version, ContentType = item.ContentType, Value = item.Value, ReadTimestamp = open.Snapshot, ServedBy = FakeStore.Server }
                : new ReadResult { ReadTimestamp = open.Snapshot, ServedBy = FakeStore.Server });
        }
    }

    public ValueTask<ScanResult> ScanAsync(TransactionId transaction, string keyspace, ScanQuery query, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (Enter(transaction, keyspace, timeout, out var open) is { } failure)
            return new(ScanResult.Failed(failure));
        Assert.Equal(Timestamp.Zero, query.AsOf);
        lock (store.Gated)
        {
            var rows = store.RowsAt(keyspace, open.Snapshot)
                .Where(row => open.Find(keyspace, row.Key) is null)
                .Select(row => new ScanItem(row.Key, row.Item.Version, row.Item.ContentType, row.Item.Value))
                .Concat(open.Writes.Where(write => write.Keyspace == keyspace && write.Write.Kind == WriteKind.Put)
                    .Select(write => new ScanItem(write.Write.Key, Timestamp.Zero, write.Write.ContentType, write.Write.Value)))
                .Where(row => FakeStore.InBounds(row.Key.ToArray(), query))
                .OrderBy(row => row.Key, Comparer<ReadOnlyMemory<byte>>.Create((left, right) => left.Span.SequenceCompareTo(right.Span)));
            var page = (query.Reverse ? rows.Reverse() : rows).Take(query.Limit + 1).ToList();
            var more = page.Count > query.Limit;
            var resume = !more ? null : query.Reverse ? page[query.Limit - 1].Key.ToArray() : page[query.Limit].Key.ToArray();
            return new(new ScanResult { Items = more ? page[..query.Limit] : page, ResumeKey = resume, ReadTimestamp = open.Snapshot });
        }
    }

    public ValueTask<Failure?> WriteAsync(TransactionId transaction, string keyspace, KeyWrite write, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (Enter(transaction, keyspace, timeout, out var open) is { } failure)
            return new(failure);
        if (open.Options.ReadOnly)
            return new(Failure.NotApplied(ErrorCode.InvalidRequest, "The transaction is read-only."));
        lock (store.Gated)
        {
            var current = open.Find(keyspace, write.Key) is { } own
                ? own.Kind == WriteKind.Put ? Timestamp.Max : Timestamp.Zero
                : store.At(keyspace, write.Key, open.Snapshot)?.Version ?? Timestamp.Zero;
            if (!FakeStore.Holds(write.Condition, current))
                return new(Failure.NotApplied(ErrorCode.VersionMismatch, "The condition does not hold.") with { CurrentVersion = current == Timestamp.Max ? Timestamp.Zero : current });
            open.Writes.RemoveAll(there => there.Keyspace == keyspace && there.Write.Key.Span.SequenceEqual(write.Key.Span));
            open.Writes.Add((keyspace, write));
            return new((Failure?)null);
        }
    }

    public Task<CommitResult> CommitAsync(TransactionId transaction, IdempotencyStamp? idempotency, TimeSpan timeout, CancellationToken cancellationToken)
    {
        LastStamp = idempotency;
        if (Enter(timeout) is { } failure)
            return Task.FromResult(CommitResult.Failed(failure));
        lock (store.Gated)
        {
            if (store.FindRepeated(idempotency, out var mismatch) is { } repeated)
                return Task.FromResult(new CommitResult { CommitTimestamp = repeated.Version, IsRepeated = true });
            if (mismatch is not null)
                return Task.FromResult(CommitResult.Failed(mismatch));
            if (Missing(transaction, out var open) is { } missing)
                return Task.FromResult(open is { Status: TransactionStatus.Committed } ? new CommitResult { CommitTimestamp = open.Committed, IsRepeated = true } : CommitResult.Failed(missing));
            var met = open!.Writes.Where(write => store.Newest(write.Keyspace, write.Write.Key) is { } newest && newest.Version > open.Snapshot)
                .Select(write => new ConflictKey(write.Keyspace, write.Write.Key)).ToList();
            if (met.Count > 0)
            {
                (open.Status, open.Reason) = (TransactionStatus.Aborted, "A conflict.");
                return Task.FromResult(CommitResult.Failed(Failure.NotApplied(ErrorCode.TransactionConflict, "Another transaction wrote first.") with { Keys = met }));
            }

            (open.Status, open.Committed) = (TransactionStatus.Committed, open.Writes.Count > 0 ? store.Apply(open.Writes) : open.Snapshot);
            store.Remember(idempotency, new IdempotencyRecord(open.Committed, Existed: false, idempotency?.Answer ?? default));
            return Task.FromResult(new CommitResult { CommitTimestamp = open.Committed });
        }
    }

    public Task<Failure?> RollbackAsync(TransactionId transaction, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (Enter(timeout) is { } failure)
            return Task.FromResult<Failure?>(failure);
        if (Missing(transaction, out var open) is { } missing)
            return Task.FromResult(open is { Status: TransactionStatus.Aborted } ? null : missing);
        (open!.Status, open.Reason) = (TransactionStatus.Aborted, "Rolled back.");
        return Task.FromResult<Failure?>(null);
    }

    public Task<TransactionBegun> KeepAliveAsync(TransactionId transaction, TimeSpan timeout, CancellationToken cancellationToken) =>
        Task.FromResult((Enter(timeout) ?? Missing(transaction, out _)) is { } failure ? TransactionBegun.Failed(failure) : Begun(transaction));

    public ValueTask<TransactResult> TransactAsync(TransactRequest request, TimeSpan timeout, CancellationToken cancellationToken)
    {
        LastRequest = request;
        LastStamp = request.Idempotency;
        if (Enter(timeout) is { } failure)
            return new(TransactResult.Failed(failure));
        var named = request.Checks.Select(check => check.Keyspace).Concat(request.Reads.Select(read => read.Keyspace)).Concat(request.Writes.Select(write => write.Keyspace));
        if (named.Select(Unknown).FirstOrDefault(unknown => unknown is not null) is { } missing)
            return new(TransactResult.Failed(missing));
        if (NextResult is { } result)
        {
            NextResult = null;
            return new(result);
        }

        lock (store.Gated)
            return new(Evaluate(request));
    }

    private TransactResult Evaluate(TransactRequest request)
    {
        if (store.FindRepeated(request.Idempotency, out var mismatch) is { } repeated)
        {
            Assert.True(TransactAnswer.TryDecode(repeated.Answer, out var found, out var values));
            return new TransactResult { Committed = true, CommitTimestamp = repeated.Version, Reads = found, Increments = values, Repeated = repeated };
        }

        if (mismatch is not null)
            return TransactResult.Failed(mismatch);
        var at = request.AsOf.IsZero ? store.Now : request.AsOf;
        var reads = request.Reads.Select(read => Find(read, at)).ToList();
        var failed = request.Checks.Index().Where(check => !Holds(check.Item, at)).Select(check => check.Index).ToList();
        if (failed.Count > 0)
            return new TransactResult { FailedChecks = failed, Reads = reads, CommitTimestamp = at };

        var increments = new List<long?>();
        var writes = new List<(string Keyspace, KeyWrite Write)>();
        foreach (var write in request.Writes)
        {
            long? value = null;
            if (write.Increment is { } by)
            {
                Assert.Equal("", write.Write.ContentType);
                var text = store.At(write.Keyspace, write.Write.Key, at) is { } item ? Encoding.UTF8.GetString(item.Value.Span) : "0";
                if (!long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
                    return TransactResult.Failed(Failure.NotApplied(ErrorCode.NotAnInteger, "It is no integer."));
                value = number + by;
            }

            increments.Add(value);
            writes.Add((write.Keyspace, value is null ? write.Write : write.Write with { Value = Encoding.UTF8.GetBytes(value.Value.ToString(CultureInfo.InvariantCulture)) }));
        }

        if (!TransactAnswer.TryEncode(reads, increments, out var answer) && request.Idempotency is not null)
            return TransactResult.Failed(Failure.NotApplied(ErrorCode.TransactionTooLarge, "Its answer cannot be kept."));
        var committed = writes.Count > 0 ? store.Apply(writes) : at;
        if (writes.Count > 0)
            store.Remember(request.Idempotency, new IdempotencyRecord(committed, Existed: false, answer));
        return new TransactResult { Committed = true, CommitTimestamp = committed, Reads = reads, Increments = increments };
    }

    private bool Holds(TransactCheck check, Timestamp at)
    {
        var item = store.At(check.Keyspace, check.Key, at);
        return check.Kind switch
        {
            CheckKind.Exists => item is not null,
            CheckKind.NotExists => item is null,
            CheckKind.VersionEquals => item?.Version == check.Version,
            CheckKind.AtLeast => IntegerOf(item?.Value) >= check.Bound,
            CheckKind.AtMost => IntegerOf(item?.Value) <= check.Bound,
            _ => item is { } there && there.Value.Span.SequenceEqual(check.Value.Span),
        };
    }

    private static long? IntegerOf(ReadOnlyMemory<byte>? value) => value is not { } text ? 0
        : long.TryParse(Encoding.UTF8.GetString(text.Span), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;

    private TransactFound Find(TransactRead read, Timestamp at)
    {
        if (!read.IsScan)
            return store.At(read.Keyspace, read.Start, at) is { } item ? new TransactFound { Item = new ScanItem(read.Start, item.Version, item.ContentType, item.Value) } : new TransactFound();
        var query = new ScanQuery(read.Start, read.End, at, read.Limit, Reverse: false, KeysOnly: false, ResumeKey: null);
        return new TransactFound
        {
            Rows = [.. store.RowsAt(read.Keyspace, at).Where(row => FakeStore.InBounds(row.Key, query)).Take(read.Limit)
                .Select(row => new ScanItem(row.Key, row.Item.Version, row.Item.ContentType, row.Item.Value))],
        };
    }

    private TransactionBegun Begun(TransactionId id) => new()
    {
        Id = id,
        ReadTimestamp = _all[id].Snapshot,
        ExpiresAt = id.Began.ToTime() + _all[id].Options.Duration,
    };

    private Failure? Enter(TransactionId transaction, string keyspace, TimeSpan timeout, out Open open)
    {
        var failure = Enter(timeout) ?? Missing(transaction, out _) ?? Unknown(keyspace);
        open = failure is null ? _all[transaction] : null!;
        return failure;
    }

    private Failure? Enter(TimeSpan timeout)
    {
        Interlocked.Increment(ref _calls);
        LastTimeout = timeout;
        if (NextException is { } exception)
        {
            NextException = null;
            throw exception;
        }

        var failure = NextFailure;
        NextFailure = null;
        return failure;
    }

    private Failure? Missing(TransactionId transaction, out Open? open)
    {
        if (!_all.TryGetValue(transaction, out open))
            return Failure.NotApplied(ErrorCode.TransactionNotFound, $"There is no transaction {transaction}.");
        return open.Status == TransactionStatus.Active ? null : Failure.NotApplied(ErrorCode.TransactionExpired, "The transaction is over.");
    }

    private Failure? Unknown(string keyspace) => keyspace == "cache"
        ? Failure.NotApplied(ErrorCode.UnsupportedForFamily, "Eventual keyspaces have no transactions.")
        : store.Has(keyspace) ? null : Failure.NotApplied(ErrorCode.KeyspaceNotFound, $"There is no keyspace '{keyspace}'.");

    private sealed class Open(TransactionOptions options, Timestamp snapshot)
    {
        public TransactionOptions Options { get; } = options;

        public Timestamp Snapshot { get; } = snapshot;

        public List<(string Keyspace, KeyWrite Write)> Writes { get; } = [];

        public TransactionStatus Status { get; set; } = TransactionStatus.Active;

        public Timestamp Committed { get; set; }

        public string? Reason { get; set; }

        public KeyWrite? Find(string keyspace, ReadOnlyMemory<byte> key) =>
            Writes.Find(write => write.Keyspace == keyspace && write.Write.Key.Span.SequenceEqual(key.Span)).Write;
    }
}
