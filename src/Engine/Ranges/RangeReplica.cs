using GrainDb.Engine.Mvcc;
using GrainDb.Engine.Replication;
using GrainDb.Engine.Time;
using GrainDb.Engine.Transactions;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Ranges;

/// <summary>
/// The durable state of one replica of one range: its log, the version chains that the log's applied prefix makes, and the
/// promise that fences leaders. One object per replica in a node, shared by whoever plays a role on it.
/// <para>
/// What holds: the chains are the records 1..<see cref="AppliedLsn"/>, applied in order, and only what was committed is ever
/// applied. After a crash <see cref="Open"/> gives the newest checkpoint; the log behind it is there and waits to be told how far it is
/// committed. A record is applied again without effect where the (fuzzy) checkpoint already has it.
/// </para>
/// <para>
/// The log is enough to promise and to append, so the chains may stay on the disk for a while (<see cref="IsLoaded"/>). Until they are loaded nothing is
/// applied, read, collected or written to a checkpoint.
/// </para>
/// Everything mutable is guarded by <see cref="Gate"/>, held for short sections and never across an await.
/// </summary>
public sealed class RangeReplica : IDisposable
{
    private const int CheckpointSliceBytes = 256 * 1024;

    private readonly HardStateFile _hardState;

    // Held while the state is loaded or replaced. Taken after an acceptor's turn, before the gate.
    private readonly Lock _loading = new();
    private volatile CheckpointReader? _unloaded; // what the chains are to be loaded from
    private RangeState _state = new();
    private int _checkpointing;
    private volatile CheckpointPace? _pace; // of the checkpoint that is being written
    private Lsn _lastChange;
    private bool _disposed;
    private volatile string? _failure;

    private RangeReplica(RangeReplicaOptions options, HybridLogicalClock clock, WriteAheadLog log, HardStateFile hardState)
    {
        Options = options;
        Clock = clock;
        Log = log;
        _hardState = hardState;
        Promise = hardState.Read() ?? ReplicaFiles.NoPromise;
        Configurations = new ConfigurationLog(options.InitialConfiguration);
    }

    /// <summary>The range.</summary>
    public RangeId Range => Options.Range;

    /// <summary>What it was opened with.</summary>
    public RangeReplicaOptions Options { get; }

    /// <summary>The last record that the chains contain.</summary>
    public Lsn AppliedLsn { get; private set; }

    /// <summary>The largest timestamp of any applied record: in log order timestamps grow.</summary>
    public Timestamp AppliedTimestamp { get; private set; }

    /// <summary>The promise that fences leaders, as it is on disk.</summary>
    public HardState Promise { get; private set; }

    /// <summary>First record that a leader on this replica still wants to send to somebody.</summary>
    internal Lsn RetainFrom { get; set; } = new(ulong.MaxValue);

    /// <summary>What recovery found.</summary>
    public WalRecovery Recovery => Log.Recovery;

    internal Lock Gate { get; } = new();

    /// <summary>Whether the version chains are in memory.</summary>
    public bool IsLoaded => _unloaded is null;

    /// <exception cref="InvalidOperationException">Not before <see cref="IsLoaded"/>: what is not in memory must not be taken for absent.</exception>
    internal MvccStore Store => IsLoaded ? _state.Store : throw NotLoaded;

    internal TransactionState Transactions => _state.Transactions;

    private InvalidOperationException NotLoaded => new($"range {Range}: the state is not loaded");

    internal ConfigurationLog Configurations { get; private set; }

    internal WriteAheadLog Log { get; }

    internal HybridLogicalClock Clock { get; }

    /// <summary>Opens the replica's files and loads its state. Moves the clock above every timestamp in the log.</summary>
    /// <exception cref="WalCorruptionException">A file is damaged: the replica must not be used.</exception>
    /// <exception cref="WalIOException">A file cannot be read or written.</exception>
    public static RangeReplica Open(RangeReplicaOptions options, IWalFileSystem files, HybridLogicalClock clock)
    {
        var replica = OpenUnloaded(options, files, clock);
        try
        {
            replica.Load();
            return replica;
        }
        catch
        {
            replica.Dispose();
            throw;
        }
    }

    /// <summary>The same, but leaves a checkpoint's content on the disk until <see cref="Load"/>; it is verified now.</summary>
    /// <exception cref="WalCorruptionException">A file is damaged: the replica must not be used.</exception>
    /// <exception cref="WalIOException">A file cannot be read or written.</exception>
    public static RangeReplica OpenUnloaded(RangeReplicaOptions options, IWalFileSystem files, HybridLogicalClock clock)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(clock);
        var log = WriteAheadLog.Open(options.Wal, files, options.Directory, options.Range, options.Incarnation);
        try
        {
            var replica = new RangeReplica(options, clock, log, HardStateFile.Open(files, options.Directory, options.Range, options.Incarnation));
            if (ReplicaFiles.WhyPromiseIsLost(log, replica.Promise) is { } lost)
                throw new WalCorruptionException(options.Directory, 0, lost);
            replica.Recover();
            if (replica.Promise.ReplicaState == (byte)ReplicaState.Member)
                log.DropAside(); // a crash came between its vote and this
            return replica;
        }
        catch
        {
            log.Dispose();
            throw;
        }
    }

    /// <summary>Brings the version chains into memory, where they are not yet. Blocking; the log may be used meanwhile.</summary>
    /// <exception cref="WalCorruptionException">The checkpoint was damaged since it was opened: the replica is broken.</exception>
    /// <exception cref="InvalidDataException">The checkpoint cannot be understood: the replica is broken.</exception>
    /// <exception cref="WalIOException">It cannot be read; it may be tried again.</exception>
    public void Load()
    {
        lock (_loading)
        {
            if (_unloaded is not { } checkpoint)
                return;
            ObjectDisposedException.ThrowIf(_disposed, this);
            RangeState state;
            try
            {
                state = RangeState.Read(checkpoint);
            }
            catch (Exception exception) when (exception is WalCorruptionException or InvalidDataException)
            {
                _failure = exception.Message;
                throw;
            }

            lock (Gate)
            {
                _state = state;
                _unloaded = null;
            }

            checkpoint.Dispose();
        }
    }

    /// <summary>Applies one committed record; records come in LSN order. The caller holds <see cref="Gate"/> or is alone.</summary>
    /// <exception cref="InvalidDataException">The record cannot be understood, or leaves a gap.</exception>
    internal void Apply(in WalRecord record)
    {
        if (record.Lsn <= AppliedLsn)
            return;
        if (record.Lsn != AppliedLsn.Next)
            throw new InvalidDataException($"range {Range}: record {record.Lsn} after {AppliedLsn}");
        if (!IsLoaded)
            throw NotLoaded;
        if (_state.Apply(record))
            _lastChange = record.Lsn;
        AppliedLsn = record.Lsn;
        AppliedTimestamp = Timestamp.Later(AppliedTimestamp, record.Timestamp);
    }

    /// <summary>Notes a record that was applied without decoding it (the leader has it in memory).</summary>
    internal void MarkApplied(Lsn lsn, Timestamp timestamp, bool changed)
    {
        AppliedLsn = lsn;
        AppliedTimestamp = Timestamp.Later(AppliedTimestamp, timestamp);
        if (changed)
            _lastChange = lsn;
    }

    /// <summary>The configuration that a record brings; null for records that bring none.</summary>
    internal static RangeConfiguration? ConfigurationOf(byte type, ReadOnlySpan<byte> payload) => type switch
    {
        RangeRecordType.Configuration => ConfigurationCodec.Decode(payload),
        RangeRecordType.LeaderStart when payload.Length > RangeRecordType.LeaderStartHeaderBytes => ConfigurationCodec.Decode(payload[RangeRecordType.LeaderStartHeaderBytes..]),
        _ => null,
    };

    /// <summary>The log was replaced by a checkpoint: so is the state. The caller excludes every other use of the log.</summary>
    private void Reload()
    {
        lock (_loading)
        {
            using var checkpoint = Log.OpenNewestCheckpoint();
            var state = RangeState.Read(checkpoint);
            using var superseded = _unloaded;
            lock (Gate)
            {
                _state = state;
                _unloaded = null;
                Configurations = ConfigurationsOf(checkpoint);
                AppliedLsn = checkpoint?.Lsn ?? Lsn.Zero;
                AppliedTimestamp = Timestamp.Zero; // the checkpoint's timestamp bounds it from above: records behind the LSN may be below it
                _lastChange = AppliedLsn;
            }
        }
    }

    /// <summary>Makes a promise durable: from now on no lower epoch is accepted.</summary>
    /// <exception cref="WalBrokenException">Writing failed, now or before: the replica is broken.</exception>
    public void WritePromise(HardState promise)
    {
        try
        {
            _hardState.Write(promise);
        }
        catch (WalBrokenException exception)
        {
            _failure = exception.Reason;
            throw;
        }

        Promise = promise;
    }

    /// <summary>It holds everything that it may ever have acknowledged: it votes again, durably, and what was put aside may go.</summary>
    /// <exception cref="WalBrokenException">Writing failed, now or before: the replica is broken.</exception>
    /// <exception cref="WalIOException">It votes, and something that was put aside cannot be deleted; the next opening tries again.</exception>
    internal void Rejoin()
    {
        WritePromise(Promise with { ReplicaState = (byte)ReplicaState.Member });
        Log.DropAside();
    }

    /// <summary>
    /// Writes a checkpoint while work goes on (it is fuzzy: it contains at least everything up to the LSN that it names), then
    /// lets the log go where both kept checkpoints allow. Blocking: run it on a thread that may wait.
    /// </summary>
    /// <param name="pace">How fast it is written; null for as fast as it goes.</param>
    /// <param name="cancellationToken">Looked at between blocks; an unfinished checkpoint leaves nothing behind.</param>
    /// <returns>The LSN that the checkpoint names, or null when another checkpoint is being written, or nothing is loaded.</returns>
    public Lsn? Checkpoint(CheckpointPace? pace, CancellationToken cancellationToken)
    {
        if (!IsLoaded || Interlocked.Exchange(ref _checkpointing, 1) != 0)
            return null;
        try
        {
            _pace = pace;
            RangeState state;
            RangeStateCheckpoint checkpoint;
            Lsn start;
            byte[] meta;
            lock (Gate)
            {
                state = _state;
                start = AppliedLsn;
                meta = ConfigurationCodec.Encode(Configurations.At(start));
                checkpoint = state.BeginCheckpoint();
            }

            try
            {
                using var writer = Log.BeginCheckpoint(start, meta, pace);
                state.WriteBlocks(checkpoint, writer, CheckpointSliceBytes, Gate, cancellationToken);
                writer.Commit();
            }
            finally
            {
                lock (Gate)
                    state.EndCheckpoint(checkpoint);
            }

            lock (Gate)
                Configurations.Forget(start);
            Log.TruncatePrefix(RetainFrom < start.Next ? RetainFrom : start.Next);
            return start;
        }
        finally
        {
            _pace = null;
            Volatile.Write(ref _checkpointing, 0);
        }
    }

    /// <summary>As fast as it goes.</summary>
    public Lsn? Checkpoint(CancellationToken cancellationToken) => Checkpoint(pace: null, cancellationToken);

    /// <summary>Replaces log and state by a snapshot that is complete on the disk. The caller excludes every other use of the log.</summary>
    /// <returns>False while a checkpoint is being written, which hurries from now on: try again.</returns>
    internal bool TryInstall(SnapshotInstall install)
    {
        if (Interlocked.Exchange(ref _checkpointing, 1) != 0)
        {
            _pace?.Hurry();
            return false;
        }

        try
        {
            install.Commit();
            try
            {
                Reload();
            }
            catch (Exception exception)
            {
                _failure = $"the log was replaced, and its state cannot be read: {exception.Message}";
                throw;
            }

            return true;
        }
        finally
        {
            Volatile.Write(ref _checkpointing, 0);
        }
    }

    /// <summary>Whether anything changed that no checkpoint contains. The first record of an epoch changes nothing.</summary>
    public bool HasChanges
    {
        get
        {
            lock (Gate)
                return _lastChange > Log.CheckpointLsn;
        }
    }

    /// <summary>Why nothing can be written or trusted any more; null while log and hard state are sound.</summary>
    public string? BrokenReason => Log.Status == WalStatus.Broken ? Log.StatusReason : _failure;

    /// <summary>Something that was written here, and was sound once, cannot be read any more.</summary>
    internal void MarkDamaged(string reason) => _failure ??= reason;

    /// <summary>Collects what the threshold freed, looking at no more than <paramref name="maxKeys"/> keys.</summary>
    /// <returns>Whether the pass is complete.</returns>
    public bool CollectGarbageSlice(int maxKeys)
    {
        GcProgress progress;
        lock (Gate)
        {
            if (!IsLoaded)
                return true;
            progress = Store.CollectSlice(maxKeys);
        }

        RangeInstruments.CollectedVersions.Add(progress.FreedVersions);
        RangeInstruments.CollectedBytes.Add(progress.FreedBytes);
        return progress.PassComplete;
    }

    /// <summary>Whether another pass has something to collect.</summary>
    public bool HasGarbage
    {
        get
        {
            lock (Gate)
                return IsLoaded && Store.CollectionPending;
        }
    }

    /// <summary>Bytes logged since it was opened.</summary>
    public long LoggedBytes => Log.Counters.Bytes;

    /// <summary>Whether enough was logged since the last checkpoint to write another.</summary>
    public bool ShouldCheckpoint()
    {
        lock (Gate)
            return IsLoaded && Log.ShouldCheckpoint(Store.PayloadBytes);
    }

    /// <summary>
    /// What this replica remembers of a transaction that committed here, alone or with other ranges, or was aborted: the commit timestamp, zero when it was aborted, null when it
    /// remembers nothing. One that was decided here is remembered until <see cref="TransactionLimits.RetryWindow"/> after its deadline, others until their deadline. On a
    /// replica that does not lead, null says nothing.
    /// </summary>
    public Timestamp? FindOutcome(TransactionId transaction)
    {
        lock (Gate)
            return Transactions.FindOutcome(transaction);
    }

    /// <summary>The result that is stored under an idempotency key with this hash; null when there is none, or one of another request.</summary>
    public IdempotencyRecord? FindResult(string idempotencyKey, UInt128 requestHash)
    {
        lock (Gate)
            return Transactions.Idempotency.Find(idempotencyKey) is { } found && found.Stamp.RequestHash == requestHash ? found.ToRecord() : null;
    }

    /// <summary>What the replica holds in memory.</summary>
    public RangeReplicaFigures GetFigures()
    {
        lock (Gate)
            return new(Log.LastLsn, _state.Store.Keys, _state.Store.Versions, _state.Store.PayloadBytes, _state.Store.AllocatedBytes, _state.Store.GcThreshold, Log.Status, Log.Status == WalStatus.Healthy ? null : Log.StatusReason);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_loading)
        {
            if (_disposed)
                return;
            _disposed = true;
            _unloaded?.Dispose();
        }

        Log.Dispose();
    }

    private void Recover()
    {
        var checkpoint = Log.OpenNewestCheckpoint();
        try
        {
            (Configurations, AppliedLsn) = (ConfigurationsOf(checkpoint), checkpoint?.Lsn ?? Lsn.Zero);
            foreach (var record in Log.ReplayFrom(AppliedLsn.Next))
            {
                if (ConfigurationOf(record.Type, record.Payload.Span) is { } configuration)
                    Configurations.Append(record.Lsn, configuration);
            }
        }
        catch
        {
            checkpoint?.Dispose();
            throw;
        }

        Clock.Restore(Log.LastTimestamp);
        _unloaded = checkpoint;
    }

    private ConfigurationLog ConfigurationsOf(CheckpointReader? checkpoint) =>
        new(checkpoint is null || checkpoint.Meta.IsEmpty ? Options.InitialConfiguration : ConfigurationCodec.Decode(checkpoint.Meta.Span));
}
