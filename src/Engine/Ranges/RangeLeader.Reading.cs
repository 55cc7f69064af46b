using GrainDb.Engine.Mvcc;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Engine.Ranges;

/// <summary>
/// Reading at a snapshot. A read without one is linearizable: it sees everything answered, and gets a timestamp below
/// everything that is still on its way, so that reading again at that timestamp gives the same.
/// </summary>
public sealed partial class RangeLeader
{
    /// <summary>The answer of <see cref="ReadAsync"/> where nothing has to be waited for.</summary>
    /// <returns>Null: it would have to wait, also for somebody who just applies records, or fail; nothing is left behind.</returns>
    public ReadResult? TryRead(RangeRead request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (!_replica.Gate.TryEnter())
            return null;
        try
        {
            if (IsPending(request.AsOf) || TryChooseSnapshot(request.AsOf, out var at, out _) is not null || !IsOfThisRange(request) || FindWriter(request, at) is not null)
                return null;
            var result = Get(request, at);
            if (!_log!.MayAnswer(result.ReadTimestamp))
                return null;
            _rate.Count();
            return result;
        }
        finally
        {
            _replica.Gate.Exit();
        }
    }

    /// <inheritdoc/>
    public async ValueTask<ReadResult> ReadAsync(RangeRead request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var patience = Patience();
        while (true)
        {
            Task ready;
            ReadResult? result = null;
            lock (_replica.Gate)
            {
                _rate.Count();
                if (TryChooseSnapshot(request.AsOf, out var at, out ready) is { } failure)
                    return ReadResult.Failed(failure);
                if (!IsOfThisRange(request))
                    return ReadResult.Failed(Moved());
                if (ready.IsCompleted && FindWriter(request, at) is { } writer && WhyNotWaitFor(writer, patience, out ready) is { } inTheWay)
                    return ReadResult.Failed(inTheWay);
                if (ready.IsCompleted)
                    result = Get(request, at);
            }

            if (result is null)
                await ready;
            else if (_log!.MayAnswer(result.ReadTimestamp))
                return result;
            else if (await WhyNotConfirmedAsync() is { } unconfirmed)
                return ReadResult.Failed(unconfirmed);
            else if (_log.IsReadable(result.ReadTimestamp))
                return result;
        }
    }

    /// <inheritdoc/>
    public async ValueTask<ScanResult> ScanAsync(RangeScan request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var page = new ScanPage(request, Descriptor, _options.Partitioning);
        var patience = Patience();
        var (at, arrived, uncertain) = (request.AsOf, Timestamp.Zero, Timestamp.Zero);
        for (var slices = 1; ; slices++)
        {
            Task ready;
            lock (_replica.Gate)
            {
                if (slices == 1)
                    _rate.Count();
                if (TryChooseSnapshot(at, out var chosen, out ready) is { } failure)
                    return ScanResult.Failed(failure);
                if (request.Generation != Descriptor.Generation)
                    return ScanResult.Failed(Moved());
                if (arrived.IsZero)
                    arrived = chosen;
                if (ready.IsCompleted && FindIntent(page, IntentsUpTo(at.IsZero ? arrived : at, request.Reader)) is { } writer)
                {
                    if (WhyNotWaitFor(writer, patience, out ready) is { } inTheWay)
                        return ScanResult.Failed(inTheWay);
                }
                else if (ready.IsCompleted && at.IsZero && FindIntent(page, chosen) is not null)
                {
                    // What was prepared when the scan came is decided, and lies below this; what has been prepared since is waited for once.
                    at = chosen;
                }
                else if (ready.IsCompleted)
                {
                    at = chosen;
                    if (!ScanSlice(page, at, request.Reader, ref uncertain))
                        break;
                }
            }

            await ready;
            if (slices % SnapshotReading.SlicesPerTurn == 0)
                await Task.Yield();
        }

        while (!_log!.MayAnswer(at))
        {
            if (await WhyNotConfirmedAsync() is { } unconfirmed)
                return ScanResult.Failed(unconfirmed);
            if (_log.IsReadable(at))
                break;
        }

        var clock = request.Reader is null ? Timestamp.Zero : _replica.Clock.Last;
        return uncertain.IsZero
            ? new ScanResult { Items = page.Items, ResumeKey = page.ResumeKey, ReadTimestamp = at, ServedBy = _servedBy, Clock = clock }
            : new ScanResult { UncertainAt = uncertain, ReadTimestamp = at, ServedBy = _servedBy, Clock = clock };
    }

    /// <inheritdoc/>
    public async ValueTask<HistoryResult> HistoryAsync(RangeHistory request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var versions = new List<MvccVersion>();
        Timestamp threshold;
        lock (_replica.Gate)
        {
            _rate.Count();
            if (_refusal is not null)
                return HistoryResult.Failed(_refusal);
            if (request.Generation != Descriptor.Generation || !Descriptor.Contains(request.Key.Span))
                return HistoryResult.Failed(Moved());
            _replica.Store.History(request.Key.Span, KeyLimits.MaxHistoryVersions, versions);
            threshold = _replica.Store.GcThreshold;
        }

        if (!_log!.HasLease && await WhyNotConfirmedAsync() is { } unconfirmed)
            return HistoryResult.Failed(unconfirmed);
        var items = versions.ConvertAll(version =>
        {
            var (contentType, value) = version.IsTombstone ? ("", default) : StoredValue.Read(version.Value);
            return new HistoryItem(version.Timestamp, version.IsTombstone, version.ExpiresAt, contentType, value);
        });
        return new HistoryResult { Versions = items, GcThreshold = threshold, ServedBy = _servedBy };
    }

    /// <summary>
    /// Settles at which timestamp to read. Under the gate. After it no commit at or below <paramref name="at"/> can be
    /// assigned any more; <paramref name="ready"/> is complete when none is on its way either.
    /// </summary>
    private Failure? TryChooseSnapshot(Timestamp asOf, out Timestamp at, out Task ready)
    {
        at = asOf;
        ready = Task.CompletedTask;
        if (_refusal is not null)
            return _refusal;
        if (asOf.IsZero)
        {
            at = OldestPendingRecord() is { } oldest ? oldest.Previous : _replica.Clock.Now();
            return null;
        }

        if (!_replica.Store.CanReadAt(asOf))
        {
            return Failure.NotApplied(ErrorCode.SnapshotTooOld, $"{asOf} is below the GC threshold {_replica.Store.GcThreshold}") with
            {
                GcThreshold = _replica.Store.GcThreshold,
            };
        }

        if (!Has(TransactionFaults.NoWatermark) && !_replica.Clock.TryReceive(asOf))
            return Failure.NotApplied(ErrorCode.InvalidRequest, $"{asOf} lies in the future of this node's clock");
        if (IsPending(asOf))
            ready = WhenPendingIsCommitted();
        return null;
    }

    private bool IsOfThisRange(RangeRead request) => request.Generation == Descriptor.Generation && Descriptor.Contains(request.Key.Span);

    /// <summary>Who may have written a key below a snapshot, and is not decided. Under the gate.</summary>
    private PreparedTransaction? FindWriter(RangeRead request, Timestamp at) => FindIntent(request.Key, request.AsOf.IsZero ? Timestamp.Max : IntentsUpTo(at, request.Reader));

    private ReadResult Get(RangeRead request, Timestamp at) =>
        request.Reader is { } reader ? GetFor(reader, request.Key, at) : SnapshotReading.Get(_replica.Store, request.Key, at, _servedBy);

    /// <summary>Whether a record at or below a snapshot is on its way. Under the gate.</summary>
    private bool IsPending(Timestamp asOf) => !asOf.IsZero && OldestPendingRecord() is { } pending && pending <= asOf;

    /// <summary>Timestamp of the oldest record that is enqueued and not applied. Waiters stand behind records, never first.</summary>
    private Timestamp? OldestPendingRecord() => _pendingRecords > 0 ? _pending.Peek().Timestamp : null;

    /// <summary>A value was taken and the lease is over: it may be answered if a quorum confirms the epoch from here on.</summary>
    private async Task<Failure?> WhyNotConfirmedAsync() => await _log!.ConfirmAsync() ? null : NoQuorum();

    private Failure NoQuorum() =>
        _refusal ?? Failure.NotApplied(ErrorCode.Unavailable, $"range {Range}: too few replicas answer") with { RetryAfter = OverloadedRetry };
}
