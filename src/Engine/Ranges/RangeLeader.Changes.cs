using GrainDb.Engine.Mvcc;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Ranges;

/// <summary>
/// What changed: all versions after a timestamp, up to one below which none can appear any more. That is the same timestamp which a read of the
/// present gets, so it is milliseconds behind the clock at most; it is given out only where a read at it could be answered, so a
/// successor begins above it. While somebody watches, the leader remembers which versions came last; whoever asks for more than
/// that gets it by a walk over all versions, in slices between other work.
/// </summary>
public sealed partial class RangeLeader
{
    /// <summary>After the last call the newest versions are no longer remembered.</summary>
    private static readonly TimeSpan RememberFor = TimeSpan.FromMinutes(1);

    private readonly ChangeWatchers _watchers = new();
    private readonly ChangeProtections _feeds;
    private long _changesAskedAt;

    /// <summary>How many calls wait for a change.</summary>
    public int Watchers
    {
        get
        {
            lock (_replica.Gate)
                return _watchers.Count;
        }
    }

    /// <inheritdoc/>
    public async ValueTask<RangeChangesResult> ChangesAsync(RangeChanges request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        var wait = request.Wait < ChangeLimits.MaxRangeWait ? request.Wait : ChangeLimits.MaxRangeWait;
        var until = _options.Time.GetTimestamp() + (long)(wait.TotalSeconds * _options.Time.TimestampFrequency);
        var interval = new ChangeInterval(request, Descriptor, _options.Partitioning);
        var after = request.After;
        var mayWait = wait > TimeSpan.Zero;
        lock (_replica.Gate)
            _rate.Count();
        while (true)
        {
            ChangeSelection selection;
            bool isRemembered;
            ChangeWatchers.Watcher? watcher = null;
            lock (_replica.Gate)
            {
                if (WhyNoChanges(request, after) is { } refused)
                    return RangeChangesResult.Failed(refused);
                selection = interval.Select(after, ChooseResolved());
                isRemembered = interval.TryRemembered(_replica.Store, selection);

                // Before the gate is left: what is applied from here on is news.
                if (mayWait && !(isRemembered && IsNews(selection, request)))
                {
                    watcher = new(interval, selection.UpTo, request.AtLeast, until);
                    if (!_watchers.TryAdd(watcher))
                        return RangeChangesResult.Failed(TooManyWatch());
                }
            }

            try
            {
                if (!isRemembered && await WalkAsync(interval, selection) is { } failure)
                    return RangeChangesResult.Failed(failure);
                if (watcher is null || IsNews(selection, request))
                    return await ConfirmChangesAsync(selection);
                mayWait = await watcher.Task.WaitAsync(cancellationToken);
            }
            finally
            {
                RemoveWatcher(watcher);
            }

            after = Timestamp.Later(after, selection.UpTo); // there was nothing up to there
        }
    }

    private static bool IsNews(ChangeSelection selection, RangeChanges request) => selection.Count > 0 || selection.UpTo >= request.AtLeast;

    /// <summary>Why there is no answer; null when there is. Moves the clock to what is asked for. Under the gate.</summary>
    private Failure? WhyNoChanges(RangeChanges request, Timestamp after)
    {
        if (_refusal is not null)
            return _refusal;
        if (request.Generation != Descriptor.Generation)
            return Moved();
        if (request.MaxChanges < 1 || request.MaxBytes < 1)
            return Invalid("an answer has room for at least one change and one byte");
        if (!_replica.Store.CanReadAt(after))
            return Compacted(after);
        var ahead = request.AtLeast == Timestamp.Max ? after : Timestamp.Later(after, request.AtLeast);
        if (!_replica.Clock.TryReceive(ahead))
            return Invalid($"{ahead} lies in the future of this node's clock");
        _feeds.Renew(request.Feed, request.Hold);
        return null;
    }

    /// <summary>Up to where the applied versions are complete for ever, if this leader's word counts. Under the gate.</summary>
    private Timestamp ChooseResolved()
    {
        _changesAskedAt = _options.Time.GetTimestamp();
        _replica.Store.RememberRecent(_replica.Clock.Now());
        return Resolved();
    }

    /// <summary>
    /// Below every record that is on its way and every intent: the versions of a transaction that commits appear at or above its prepare timestamp. An intent
    /// counts until its resolution is applied, a prepare from when it is enqueued. Under the gate.
    /// </summary>
    private Timestamp Resolved()
    {
        var resolved = OldestPendingRecord() is { } pending ? pending.Previous : _replica.Clock.Now();
        return _replica.Transactions.Prepared.Oldest is { } prepared && prepared <= resolved && !Has(TransactionFaults.FeedPastIntent) ? prepared.Previous : resolved;
    }

    private async ValueTask<Failure?> WalkAsync(ChangeInterval interval, ChangeSelection selection)
    {
        if (selection.After >= selection.UpTo)
            return null;
        ChangeCursor? cursor = ChangeCursor.AtStart(interval.Start);
        for (var slices = 1; cursor is { } at; slices++)
        {
            lock (_replica.Gate)
            {
                if (_refusal is not null)
                    return _refusal;
                if (!_replica.Store.CanReadAt(selection.After))
                    return Compacted(selection.After);
                cursor = _replica.Store.Changes(at, interval.End, interval.End is not null, selection);
            }

            if (slices % SnapshotReading.SlicesPerTurn == 0)
                await Task.Yield();
        }

        return null;
    }

    /// <summary>What was taken is complete only if nobody else led meanwhile, and a successor begins above it.</summary>
    private async ValueTask<RangeChangesResult> ConfirmChangesAsync(ChangeSelection selection)
    {
        while (!_log!.MayAnswer(selection.UpTo))
        {
            if (await WhyNotConfirmedAsync() is { } unconfirmed)
                return RangeChangesResult.Failed(unconfirmed);
            if (_log.IsReadable(selection.UpTo))
                break;
        }

        return new RangeChangesResult { Changes = selection.ToList().ConvertAll(ToChange), Resolved = selection.UpTo };
    }

    private static RangeChange ToChange(MvccChange change)
    {
        var version = change.Version;
        var (contentType, value) = version.IsTombstone ? ("", default) : StoredValue.Read(version.Value);
        var transaction = StoredValue.ReadOrigin(version.Value.Span)?.Transaction ?? TransactionId.None;
        return new(change.Key, version.Timestamp, version.IsTombstone, change.Previous, version.ExpiresAt, contentType, value, transaction);
    }

    private Failure Compacted(Timestamp after) => Failure.NotApplied(
        ErrorCode.CursorCompacted, $"what came after {after} may have been collected: the GC threshold is {_replica.Store.GcThreshold}") with
    {
        GcThreshold = _replica.Store.GcThreshold,
    };

    private Failure TooManyWatch() =>
        Failure.NotApplied(ErrorCode.Overloaded, $"{ChangeWatchers.MaxWatchers} readers wait for changes of range {Range}, which is the limit") with { RetryAfter = OverloadedRetry };

    private void RemoveWatcher(ChangeWatchers.Watcher? watcher)
    {
        if (watcher is null)
            return;
        lock (_replica.Gate)
            _watchers.Remove(watcher);
    }

    /// <summary>Who is concerned by what was just applied. Under the gate.</summary>
    private List<ChangeWatchers.Watcher>? TakeConcernedWatchers() => _watchers.Count == 0 ? null : _watchers.TakeConcerned(_replica.Store, Resolved());

    private void TickWatchers()
    {
        List<ChangeWatchers.Watcher>? overdue;
        lock (_replica.Gate)
        {
            var now = _options.Time.GetTimestamp();
            overdue = _watchers.TakeOverdue(now);
            if (_watchers.Count == 0 && _replica.IsLoaded && _options.Time.GetElapsedTime(_changesAskedAt, now) >= RememberFor)
                _replica.Store.ForgetRecent();
        }

        Wake(overdue, mayWait: false);
    }

    /// <summary>Whoever waits looks again, and learns what happened.</summary>
    private void WakeWatchers()
    {
        List<ChangeWatchers.Watcher>? all;
        lock (_replica.Gate)
            all = _watchers.TakeAll();
        Wake(all, mayWait: true);
    }

    /// <summary>On a thread of their own: whoever waited must hold up neither commits nor ticks.</summary>
    private void Wake(List<ChangeWatchers.Watcher>? watchers, bool mayWait)
    {
        if (watchers is not null)
            _options.Schedule(() => watchers.ForEach(watcher => watcher.TrySetResult(mayWait)));
    }
}
