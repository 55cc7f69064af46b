using GrainDb.Engine.Time;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// The hints that one node keeps for replicas of other nodes, in a log of its own: states that those did not take, with their original versions, so that delivering one twice or late is harmless.
/// <para>
/// A hint is durable before it is acknowledged, and stays until its target took it. Where a quota is used up it is refused, where one grows too old it is let go; either way the node remembers, durably, that
/// the target lacks something until the target has noted that itself. Nothing ever waits for room.
/// </para>
/// </summary>
public sealed class HintStore : IDisposable
{
    private const int CheckpointSliceBytes = 256 * 1024;
    private const byte HintsBlock = 1;
    private const byte LostBlock = 2;
    private const byte ClosedBlock = 3;

    /// <summary>Hints that one step of ageing lets go.</summary>
    private const int MaxReleased = 4096;

    /// <summary>The log of hints is no range's.</summary>
    private static readonly RangeId NoRange = new(-1);

    private readonly HintStoreOptions _options;
    private readonly HybridLogicalClock _clock;
    private readonly WriteAheadLog _log;
    private readonly GroupCommit<HintBatch> _commits;
    private readonly Lock _gate = new();
    private readonly HintState _state = new();
    private Lsn _applied;
    private bool _disposed;

    private HintStore(HintStoreOptions options, HybridLogicalClock clock, Action<Action> schedule, WriteAheadLog log)
    {
        _options = options;
        _clock = clock;
        _log = log;
        _commits = new(log, options.GroupCommit, schedule, BeginBatch, Show, options.Faults.HasFlag(EventualFaults.AckBeforeSync));
    }

    /// <summary>Number of hints.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _state.Count;
        }
    }

    /// <summary>Bytes of hints.</summary>
    public long Bytes
    {
        get
        {
            lock (_gate)
                return _state.Bytes;
        }
    }

    /// <summary>Replicas for which there are hints.</summary>
    public IReadOnlyList<ReplicaDescriptor> Targets
    {
        get
        {
            lock (_gate)
                return [.. _state.Targets];
        }
    }

    /// <summary>Replicas that lack something and do not know it yet.</summary>
    public IReadOnlyList<HintTarget> Lost
    {
        get
        {
            lock (_gate)
                return [.. _state.Lost];
        }
    }

    /// <summary>Why nothing can be written or trusted any more; null while the log is sound.</summary>
    public string? BrokenReason => _log.Status == WalStatus.Broken ? _log.StatusReason : null;

    /// <summary>Opens a node's hint log, recovering it after a crash, or creates it.</summary>
    /// <param name="options">Where, and within which bounds.</param>
    /// <param name="files">The files.</param>
    /// <param name="clock">The node's clock; moved above every timestamp in the log.</param>
    /// <param name="schedule">Runs a flush, which blocks for the disk, on some thread that may wait.</param>
    /// <exception cref="WalCorruptionException">A file is damaged: the hints are lost, as with the disk of a replica. A new log takes its place.</exception>
    /// <exception cref="DiskFullException">There is no room to create or mend it; nothing is lost.</exception>
    /// <exception cref="WalIOException">A file cannot be read or written.</exception>
    public static HintStore Open(HintStoreOptions options, IWalFileSystem files, HybridLogicalClock clock, Action<Action> schedule)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(clock);
        ArgumentNullException.ThrowIfNull(schedule);
        var log = WriteAheadLog.Open(options.Wal, files, options.Directory, NoRange, options.Incarnation);
        try
        {
            var store = new HintStore(options, clock, schedule, log);
            store.Recover();
            return store;
        }
        catch
        {
            log.Dispose();
            throw;
        }
    }

    /// <summary>Keeps a hint, or says durably that its target lacks something.</summary>
    public Task<HintAnswer> StoreAsync(Hint hint)
    {
        ArgumentNullException.ThrowIfNull(hint);
        return _commits.RunAsync<HintAnswer>(
            new(hint.Key.Length + hint.State.Length, batch => Keep(batch, hint), exception => new(HintOutcome.Unable, exception.Message)),
            refusal => new(HintOutcome.Unable, refusal.Reason));
    }

    /// <summary>Refuses hints of a partition below an epoch from now on, durably, and says how many there still are.</summary>
    public Task<CloseHintsAnswer> CloseAsync(CloseHintsRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var refused = new CloseHintsAnswer(IsClosed: false, 0);
        return _commits.RunAsync<CloseHintsAnswer>(new(0, batch => Close(batch, request), _ => refused), _ => refused);
    }

    /// <summary>The oldest hints for a replica, up to so many bytes; at least one when there is one.</summary>
    public IReadOnlyList<StoredHint> Peek(Guid target, int maxBytes)
    {
        lock (_gate)
        {
            List<StoredHint> taken = [];
            var bytes = 0L;
            foreach (var hint in _state.Of(target))
            {
                if (taken.Count > 0 && bytes + hint.Bytes > maxBytes)
                    break;
                taken.Add(hint);
                bytes += hint.Bytes;
            }

            return taken;
        }
    }

    /// <summary>Lets hints go that their target took.</summary>
    /// <returns>Whether that is durable. If not they will be delivered again, which is harmless.</returns>
    public Task<bool> ReleaseAsync(IReadOnlyList<Lsn> hints) => RunAsync(batch => Release(batch, hints));

    /// <summary>A target has noted that it lacks something.</summary>
    public Task<bool> ToldAsync(HintTarget target) => RunAsync(batch => batch.Add(HintRecordType.Told, target.Encode()));

    /// <summary>Lets hints go that are too old; their targets lack something then.</summary>
    /// <returns>How many.</returns>
    public Task<int> AgeAsync() => _commits.RunAsync<int>(new(0, Age, _ => 0), _ => 0);

    /// <summary>Whether enough was logged since the last checkpoint to write another.</summary>
    public bool ShouldCheckpoint() => _log.ShouldCheckpoint(Bytes);

    /// <summary>Writes a checkpoint while work goes on, then lets the log go behind it. Blocking; one at a time.</summary>
    public void Checkpoint(CancellationToken cancellationToken)
    {
        List<StoredHint> hints;
        List<HintTarget> lost;
        List<KeyValuePair<RangeId, long>> closed;
        Lsn start;
        lock (_gate)
            (start, hints, lost, closed) = (_applied, [.. _state.All], [.. _state.Lost], [.. _state.Closed]);
        using var checkpoint = _log.BeginCheckpoint(start, default);
        var block = new ByteWriter();
        Write(HintsBlock, hints, hint =>
        {
            block.UInt64(hint.Lsn.Value);
            block.Bytes(StoredHint.Encode(hint.Created, hint.Hint));
        });
        Write(LostBlock, lost, target => block.Bytes(target.Encode()));
        Write(ClosedBlock, closed, pair =>
        {
            block.Int64(pair.Key.Value);
            block.Int64(pair.Value);
        });
        checkpoint.Commit();
        _log.TruncatePrefix(start.Next);

        void Write<T>(byte kind, List<T> items, Action<T> write)
        {
            block.Clear();
            block.Byte(kind);
            foreach (var item in items)
            {
                cancellationToken.ThrowIfCancellationRequested();
                write(item);
                if (block.Length < CheckpointSliceBytes)
                    continue;
                checkpoint.WriteBlock(block.Written);
                block.Clear();
                block.Byte(kind);
            }

            checkpoint.WriteBlock(block.Written);
        }
    }

    /// <summary>Refuses what waits, lets end what is being flushed, and closes the log.</summary>
    public async Task CloseAsync()
    {
        await _commits.Close();
        Dispose();
    }

    /// <summary>Closes the log. What waits is refused; what is being flushed must have ended.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _ = _commits.Close();
        _log.Dispose();
    }

    private Task<bool> RunAsync(Action<HintBatch> change) => _commits.RunAsync<bool>(
        new(
            0,
            batch =>
            {
                change(batch);
                return true;
            },
            _ => false),
        _ => false);

    private HintBatch BeginBatch()
    {
        lock (_gate)
            return new(_state, _applied, _clock.Now);
    }

    private void Show(HintBatch batch)
    {
        lock (_gate)
        {
            batch.Apply();
            if (!batch.Records.IsEmpty)
                _applied = batch.Records.Last;
        }
    }

    private HintAnswer Keep(HintBatch batch, Hint hint)
    {
        if (hint.Epoch < Math.Max(batch.State.Closed.GetValueOrDefault(hint.Partition), batch.Closing.GetValueOrDefault(hint.Partition)))
            return new(HintOutcome.OldEpoch, $"hints of epoch {hint.Epoch} are closed");
        if (_options.Faults.HasFlag(EventualFaults.DropHint))
            return new(HintOutcome.Stored, "");
        var (target, bytes) = (hint.Target.Id, hint.Key.Length + hint.State.Length);
        if (batch.BytesOf(target) + bytes > _options.MaxTargetBytes || batch.Bytes + bytes > _options.MaxBytes)
        {
            batch.Lose(new(hint.Partition, hint.Target));
            return new(HintOutcome.OverQuota, $"hints take at most {_options.MaxTargetBytes} bytes for one replica and {_options.MaxBytes} in all");
        }

        batch.Add(HintRecordType.Keep, StoredHint.Encode(_clock.Now(), hint));
        batch.Added.Add(hint);
        return new(HintOutcome.Stored, "");
    }

    private static CloseHintsAnswer Close(HintBatch batch, CloseHintsRequest request)
    {
        if (batch.State.Closed.GetValueOrDefault(request.Partition) < request.Epoch)
        {
            var payload = new ByteWriter();
            payload.Int64(request.Partition.Value);
            payload.Int64(request.Epoch);
            batch.Add(HintRecordType.Closed, payload.ToArray());
            batch.Closing[request.Partition] = Math.Max(batch.Closing.GetValueOrDefault(request.Partition), request.Epoch);
        }

        return new(IsClosed: true, batch.State.All.Select(stored => stored.Hint).Concat(batch.Added).Count(hint => hint.Partition == request.Partition && hint.Epoch < request.Epoch));
    }

    private static void Release(HintBatch batch, IReadOnlyList<Lsn> hints)
    {
        List<Lsn> present = [.. hints.Where(lsn => batch.State.Find(lsn) is not null)];
        if (present.Count == 0)
            return;
        var payload = new ByteWriter();
        payload.Varint((ulong)present.Count);
        foreach (var lsn in present)
            payload.UInt64(lsn.Value);
        batch.Add(HintRecordType.Release, payload.ToArray());
    }

    private int Age(HintBatch batch)
    {
        var oldest = _clock.Now().Add(-_options.MaxAge);
        List<StoredHint> old = [.. batch.State.All.Where(hint => hint.Created < oldest).Take(MaxReleased)];
        foreach (var hint in old)
            batch.Lose(new(hint.Hint.Partition, hint.Hint.Target));
        Release(batch, [.. old.Select(hint => hint.Lsn)]);
        return old.Count;
    }

    private void Recover()
    {
        using (var checkpoint = _log.OpenNewestCheckpoint())
        {
            if (checkpoint is not null)
            {
                foreach (var block in checkpoint.ReadBlocks())
                    Load(block);
                _applied = checkpoint.Lsn;
            }
        }

        foreach (var record in _log.ReplayFrom(_applied.Next))
        {
            _state.Apply(record.Type, record.Lsn, record.Payload);
            _applied = record.Lsn;
        }

        _clock.Restore(_log.LastTimestamp);
    }

    private void Load(ReadOnlyMemory<byte> block)
    {
        var reader = new ByteReader(block, "block of a checkpoint of hints");
        var kind = reader.Byte();
        while (!reader.IsAtEnd)
        {
            switch (kind)
            {
                case HintsBlock:
                    _state.Add(StoredHint.Decode(new Lsn(reader.UInt64()), reader.Bytes()));
                    break;
                case LostBlock:
                    _state.Lost.Add(HintTarget.Decode(reader.Bytes()));
                    break;
                case ClosedBlock:
                    _state.Closed[new RangeId(reader.Int64())] = reader.Int64();
                    break;
                default:
                    throw reader.Bad($"kind {kind} is not known");
            }
        }
    }
}
