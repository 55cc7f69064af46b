using GrainDb.Engine.Mvcc;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Ranges;

/// <summary>Carrying decisions out, and moving a transaction's snapshot.</summary>
public sealed partial class RangeLeader
{
    /// <inheritdoc/>
    public ValueTask<Failure?> ResolveAsync(Resolution[] resolutions)
    {
        ArgumentNullException.ThrowIfNull(resolutions);
        if (resolutions.Length > ResolveCodec.MaxDecisions)
            return new(Invalid($"{resolutions.Length} decisions at once: at most {ResolveCodec.MaxDecisions}"));
        return RunAsync(_ => Attempt(resolutions), failure => failure);
    }

    /// <inheritdoc/>
    public async ValueTask<Failure?> RefreshAsync(RangeRefresh request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var patience = Patience();
        while (true)
        {
            Task ready;
            Failure? changed = null;
            lock (_replica.Gate)
            {
                _rate.Count();
                if (TryChooseSnapshot(request.UpTo, out _, out ready) is { } failure)
                    return failure;
                if (Check(request) is { } refused)
                    return refused;
                if (ready.IsCompleted && FindIntent(request) is { } writer && WhyNotWaitFor(writer, patience, out ready) is { } inTheWay)
                    return inTheWay;
                if (ready.IsCompleted)
                    changed = WhatChanged(request);
            }

            if (!ready.IsCompleted)
                await ready;
            else if (changed is not null || _log!.MayAnswer(request.UpTo))
                return changed;
            else if (await WhyNotConfirmedAsync() is { } unconfirmed)
                return unconfirmed;
            else if (_log.IsReadable(request.UpTo))
                return null;
        }
    }

    /// <summary>
    /// Logs what is not decided here yet. A decision on a transaction that is not here is logged too, as long as a prepare or a commit of it could still come; so that it is refused
    /// then. One that committed here is not aborted any more. That a commit is settled is logged where it is not yet.
    /// </summary>
    private Attempted<Failure?> Attempt(Resolution[] resolutions)
    {
        if (_refusal is not null)
            return _refusal;
        var state = _replica.Transactions;
        var fresh = new List<Resolution>();
        Proposal? pending = null;
        var now = _replica.Clock.Now();
        foreach (var resolution in resolutions)
        {
            if (!resolution.IsSettled && WhyImpossible(resolution) is { } impossible)
                return impossible;
            if ((_ahead.FindResolve(resolution.Transaction) ?? _ahead.FindCommit(resolution.Transaction)) is { } deciding)
                pending = pending is null || deciding.Lsn > pending.Lsn ? deciding : pending;
            else if (resolution.IsSettled ? state.Unsettled.Find(resolution.Transaction) is not null : IsNew(resolution.Transaction, now))
                fresh.Add(resolution);
        }

        // What is enqueued now is behind all that is pending, so waiting for one is enough.
        var answer = fresh.Count > 0 ? Enqueue([.. fresh.DistinctBy(resolution => resolution.Transaction)])
            : pending is not null ? new(EnqueueRepeated(pending, Done))
            : Answer(Done, dependsOnProposal: false);
        return new(AnswerAsync(answer, result => result.Failure), null);
    }

    private bool IsNew(TransactionId transaction, Timestamp now) =>
        FindPrepared(transaction) is not null
        || ((_replica.Transactions.FindCommit(transaction) ?? _replica.Transactions.Decisions.Find(transaction)) is null && MayStillPrepare(transaction, now));

    /// <summary>No coordinator decides so: logged, it would stop every replica or spoil every clock.</summary>
    private Failure? WhyImpossible(Resolution resolution)
    {
        if (resolution.CommitTimestamp.IsZero || FindPrepared(resolution.Transaction) is not { } prepared)
            return null;
        return resolution.CommitTimestamp >= prepared.Prepared && resolution.CommitTimestamp <= prepared.Deadline ? null : Failure.NotApplied(
            ErrorCode.Internal, $"transaction {prepared.Id} prepared at {prepared.Prepared} until {prepared.Deadline} cannot have committed at {resolution.CommitTimestamp}");
    }

    private PreparedTransaction? FindPrepared(TransactionId transaction) =>
        _replica.Transactions.Prepared.Find(transaction) ?? _ahead.Prepared.Find(transaction);

    private bool MayStillPrepare(TransactionId transaction, Timestamp now) =>
        transaction.Began.Add(TransactionMemory.LongestLife) >= now && !IsFuture(transaction.Began);

    private ValueTask<WriteResult> Enqueue(Resolution[] resolutions)
    {
        // The decisions are committed elsewhere, so their timestamps bind this range even where the guard would not take them from a peer.
        // What is not prepared here has neither versions nor locks here, and binds nothing.
        foreach (var resolution in resolutions)
        {
            if (!Has(TransactionFaults.NoRaise) && FindPrepared(resolution.Transaction) is not null && !_replica.Clock.TryReceive(resolution.CommitTimestamp))
                _replica.Clock.Restore(resolution.CommitTimestamp);
        }

        _payload.ResetWrittenCount();
        ResolveCodec.Encode(resolutions, _payload);
        var record = new TransactionalRecord(RangeRecordType.Resolve, _payload.WrittenSpan.ToArray(), TransactionId.None) { Resolutions = resolutions };
        if (Enqueue(record.Type, _replica.Clock.Now(), record.Payload, null, Done, transactional: record) is not { } proposal)
            return new(WriteResult.Failed(WhyNotEnqueued()));
        _ahead.AddResolve(resolutions, proposal);
        return new(proposal.Task);
    }

    private Failure? Check(RangeRefresh request)
    {
        if (request.Generation != Descriptor.Generation || Array.Exists(request.Keys, key => !Descriptor.Contains(key.Span)))
            return Moved();
        if (request.Keys.Length + request.Intervals.Length > TransactionLimits.MaxReads)
            return TooLarge($"{request.Keys.Length + request.Intervals.Length} reads: at most {TransactionLimits.MaxReads}");
        if (_replica.Store.CanReadAt(request.After))
            return null;
        return Failure.NotApplied(ErrorCode.SnapshotTooOld, $"{request.After} is below the GC threshold {_replica.Store.GcThreshold}") with
        {
            GcThreshold = _replica.Store.GcThreshold,
        };
    }

    private PreparedTransaction? FindIntent(RangeRefresh request)
    {
        if (_replica.Transactions.Prepared.Count == 0)
            return null;
        foreach (var key in request.Keys)
        {
            if (FindIntent(key, request.UpTo) is { } writer)
                return writer;
        }

        foreach (var interval in request.Intervals)
        {
            if (FindIntent(interval.Start, interval.End, request.UpTo) is { } writer)
                return writer;
        }

        return null;
    }

    private Failure? WhatChanged(RangeRefresh request)
    {
        _protection.Note(request.After);
        var changed = new List<ReadOnlyMemory<byte>>();
        var versions = new List<MvccVersion>();
        foreach (var key in request.Keys)
        {
            if (changed.Count == MaxConflictKeys)
                break;
            versions.Clear();
            _replica.Store.ChangesOf(key.Span, request.After, request.UpTo, 1, versions);
            if (versions.Count > 0)
                changed.Add(key);
        }

        var rows = new List<MvccRow>();
        foreach (var interval in request.Intervals)
        {
            rows.Clear();
            _replica.Store.Changes(interval.Start, interval.End, interval.End is not null, request.After, request.UpTo, MaxConflictKeys, rows);
            changed.AddRange(rows.Select(row => row.Key));
        }

        return changed.Count == 0 ? null : Conflict(ConflictReason.Snapshot, "what was read has been changed", changed);
    }
}
