using GrainDb.Engine.Mvcc;
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
    /// <summary>Rows looked at under one hold of the gate.</summary>
    private const int ScanSliceRows = 512;

    /// <summary>Slices after which other work gets a turn.</summary>
    private const int SlicesPerTurn = 8;

    /// <summary>Versions that one scan looks at, shown or not, before it ends its page.</summary>
    private const int MaxExaminedVersions = 500_000;

    /// <inheritdoc/>
    public async ValueTask<ReadResult> ReadAsync(RangeRead request)
    {
        ArgumentNullException.ThrowIfNull(request);
        while (true)
        {
            Task ready;
            lock (_replica.Gate)
            {
                _rate.Count();
                if (TryChooseSnapshot(request.AsOf, out var at, out ready) is { } failure)
                    return ReadResult.Failed(failure);
                if (request.Generation != Descriptor.Generation || !Descriptor.Contains(request.Key.Span))
                    return ReadResult.Failed(Moved());
                if (ready.IsCompleted)
                    return ToResult(_replica.Store.TryGet(request.Key.Span, at, out var version), version, at);
            }

            await ready;
        }
    }

    /// <inheritdoc/>
    public async ValueTask<ScanResult> ScanAsync(RangeScan request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var page = new ScanPage(request, Descriptor, _options.Partitioning);
        var at = request.AsOf;
        for (var slices = 1; ; slices++)
        {
            Task ready;
            lock (_replica.Gate)
            {
                if (slices == 1)
                    _rate.Count();
                if (TryChooseSnapshot(at, out at, out ready) is { } failure)
                    return ScanResult.Failed(failure);
                if (request.Generation != Descriptor.Generation)
                    return ScanResult.Failed(Moved());
                if (ready.IsCompleted && !ScanSlice(page, at))
                    break;
            }

            await ready;
            if (slices % SlicesPerTurn == 0)
                await Task.Yield();
        }

        return new ScanResult { Items = page.Items, ResumeKey = page.ResumeKey, ReadTimestamp = at, ServedBy = _servedBy };
    }

    /// <inheritdoc/>
    public ValueTask<HistoryResult> HistoryAsync(RangeHistory request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var versions = new List<MvccVersion>();
        Timestamp threshold;
        lock (_replica.Gate)
        {
            _rate.Count();
            if (_refusal is not null)
                return new(HistoryResult.Failed(_refusal));
            if (request.Generation != Descriptor.Generation || !Descriptor.Contains(request.Key.Span))
                return new(HistoryResult.Failed(Moved()));
            _replica.Store.History(request.Key.Span, KeyLimits.MaxHistoryVersions, versions);
            threshold = _replica.Store.GcThreshold;
        }

        var items = versions.ConvertAll(version =>
        {
            var (contentType, value) = version.IsTombstone ? ("", default) : StoredValue.Read(version.Value);
            return new HistoryItem(version.Timestamp, version.IsTombstone, version.ExpiresAt, contentType, value);
        });
        return new(new HistoryResult { Versions = items, GcThreshold = threshold, ServedBy = _servedBy });
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

        if (!_replica.Clock.TryReceive(asOf))
            return Failure.NotApplied(ErrorCode.InvalidRequest, $"{asOf} lies in the future of this node's clock");
        if (OldestPendingRecord() is { } pending && pending <= asOf)
            ready = WhenPendingIsDurable();
        return null;
    }

    /// <summary>Timestamp of the oldest record that is enqueued and not applied. Waiters stand behind records, never first.</summary>
    private Timestamp? OldestPendingRecord() => _pendingRecords > 0 ? _pending.Peek().Timestamp : null;

    /// <summary>Adds up to a slice of rows to the page.</summary>
    /// <returns>Whether another slice is needed.</returns>
    private bool ScanSlice(ScanPage page, Timestamp at)
    {
        var rows = page.BeginSlice(ScanSliceRows);
        var resume = _replica.Store.Scan(
            page.Start, page.End, page.End is not null, at, page.SliceLimit, page.BytesLeft, page.Request.Reverse, page.Request.KeysOnly, rows);
        return page.EndSlice(resume.ResumeKey, resume.Examined, MaxExaminedVersions);
    }

    private ReadResult ToResult(bool found, MvccVersion version, Timestamp at)
    {
        if (!found)
            return new ReadResult { ReadTimestamp = at, ServedBy = _servedBy };
        var (contentType, value) = StoredValue.Read(version.Value);
        return new ReadResult
        {
            Found = true,
            Version = version.Timestamp,
            ContentType = contentType,
            Value = value,
            ReadTimestamp = at,
            ServedBy = _servedBy,
        };
    }
}
