using GrainDb.Engine.Time;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// One replica of a partition of an eventual keyspace: its log, the states of its keys that the log makes, the tree over them, and what the replica knows of itself. It merges what others
/// send, and mints the dots of the writes that it coordinates.
/// <para>
/// What holds: what can be read is durable, and everything that was acknowledged can be read. A dot's counter is the LSN of its record, and nobody is sent a state before it is in this log; so no dot
/// is given twice, whatever a crash tears off, as long as an incarnation is never used again after its files were lost. A context that names a dot of this replica was
/// made after that write, so it may stand for all of this replica's writes of the key before.
/// </para>
/// <para>
/// After a crash the newest checkpoint and the records behind it give the state; each record replaces what it names, so records that a (fuzzy) checkpoint has already do no harm.
/// </para>
/// Operations queue; one flush at a time evaluates them in order, makes their records durable with one write and one sync, and shows and answers them. Everything mutable is guarded
/// by a gate, held for short sections and never across an await or a write.
/// </summary>
public sealed partial class EventualReplica : IDisposable
{
    private const int CheckpointSliceBytes = 256 * 1024;

    private readonly HybridLogicalClock _clock;
    private readonly WriteAheadLog _log;
    private readonly GroupCommit<ReplicaBatch> _commits;
    private readonly Lock _gate = new();
    private readonly EventualStore _store = new();
    private readonly ConflictLog _conflicts = new();
    private readonly RequestMemory _requests = new();
    private ReplicaStanding _standing;
    private Lsn _applied;
    private bool _disposed;
    private int _checkpointing;

    private EventualReplica(EventualReplicaOptions options, HybridLogicalClock clock, Action<Action> schedule, WriteAheadLog log)
    {
        Options = options;
        _clock = clock;
        _log = log;
        _commits = new(log, options.GroupCommit, schedule, BeginBatch, Show, options.Has(EventualFaults.AckBeforeSync));
    }

    /// <summary>What it was opened with.</summary>
    public EventualReplicaOptions Options { get; }

    /// <summary>The partition.</summary>
    public RangeId Partition => Options.Partition;

    /// <summary>Its identity, and the actor of its dots.</summary>
    public Guid Id => Options.Incarnation;

    /// <summary>What recovery found.</summary>
    public WalRecovery Recovery => _log.Recovery;

    /// <summary>What it knows of itself.</summary>
    public ReplicaStanding Standing
    {
        get
        {
            lock (_gate)
                return _standing;
        }
    }

    /// <summary>Why nothing can be written or trusted any more; null while the log is sound.</summary>
    public string? BrokenReason => _log.Status == WalStatus.Broken ? _log.StatusReason : null;

    /// <summary>Opens the replica's files, recovering it after a crash, or creates it.</summary>
    /// <param name="options">What it is.</param>
    /// <param name="files">The files.</param>
    /// <param name="clock">The node's clock; moved above every timestamp in the log.</param>
    /// <param name="schedule">Runs a flush, which blocks for the disk, on some thread that may wait.</param>
    /// <exception cref="WalCorruptionException">A file is damaged: the replica must not be used. Another one, of a new incarnation, takes its place.</exception>
    /// <exception cref="DiskFullException">There is no room to create or mend it; nothing is lost.</exception>
    /// <exception cref="WalIOException">A file cannot be read or written.</exception>
    public static EventualReplica Open(EventualReplicaOptions options, IWalFileSystem files, HybridLogicalClock clock, Action<Action> schedule)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(clock);
        ArgumentNullException.ThrowIfNull(schedule);
        var log = WriteAheadLog.Open(options.Wal, files, options.Directory, options.Partition, options.Incarnation);
        try
        {
            var replica = new EventualReplica(options, clock, schedule, log);
            replica.Recover();
            return replica;
        }
        catch
        {
            log.Dispose();
            throw;
        }
    }

    /// <summary>What the replica holds.</summary>
    public EventualReplicaFigures GetFigures()
    {
        lock (_gate)
            return new(_store.Keys, _store.Bytes, _store.Conflicted, _store.Mortal.Count, _conflicts.Total, _log.LastLsn, _standing, _store.Tree.Root, _log.Status, _log.Status == WalStatus.Healthy ? null : _log.StatusReason);
    }

    /// <summary>Conflicts that ended here, oldest first, those behind a position only.</summary>
    /// <param name="after">The position; zero for all that are kept.</param>
    /// <param name="limit">At most so many.</param>
    public IReadOnlyList<(Lsn Lsn, Interfaces.Eventual.ConflictRecord Record)> GetConflicts(Lsn after, int limit)
    {
        lock (_gate)
            return _conflicts.Page(after, limit);
    }

    /// <summary>Whether there is a key of which nothing can be read any more since before a timestamp: a round would forget it.</summary>
    public bool HasForgettable(Interfaces.Keys.Timestamp notAfter)
    {
        lock (_gate)
            return _store.Mortal.Values.Any(stored => stored.DeadFrom <= notAfter);
    }

    /// <summary>Whether the tree that is kept with every change is the one that the states make. It is not where memory or code is at fault.</summary>
    public bool VerifyTree()
    {
        for (var leaf = 0; leaf < MerkleTree.Leaves; leaf++)
        {
            lock (_gate)
            {
                if (!_store.IsLeafRight(leaf))
                    return false;
            }
        }

        lock (_gate)
            return _store.Tree.IsSumOfLeaves();
    }

    /// <summary>Whether anything changed that no checkpoint contains.</summary>
    public bool HasChanges
    {
        get
        {
            lock (_gate)
                return _applied > _log.CheckpointLsn;
        }
    }

    /// <summary>Bytes logged since it was opened.</summary>
    public long LoggedBytes => _log.Counters.Bytes;

    /// <summary>Whether enough was logged since the last checkpoint to write another.</summary>
    public bool ShouldCheckpoint()
    {
        lock (_gate)
            return _log.ShouldCheckpoint(_store.Bytes);
    }

    /// <summary>
    /// Writes a checkpoint while work goes on, then lets the log go where both kept checkpoints allow. Blocking: run it on a thread that may wait.
    /// </summary>
    /// <param name="pace">How fast it is written; null for as fast as it goes.</param>
    /// <param name="cancellationToken">Looked at between blocks; an unfinished checkpoint leaves nothing behind.</param>
    /// <returns>The LSN that the checkpoint names, or null when another checkpoint is being written.</returns>
    public Lsn? Checkpoint(CheckpointPace? pace, CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _checkpointing, 1) != 0)
            return null;
        try
        {
            Lsn start;
            byte[] meta;
            lock (_gate)
                (start, meta) = (_applied, _standing.Encode());
            using var writer = _log.BeginCheckpoint(start, meta, pace);
            var block = new ByteWriter();
            var cursor = default(EventualCheckpoint.Cursor);
            bool more;
            do
            {
                cancellationToken.ThrowIfCancellationRequested();
                block.Clear();
                lock (_gate)
                    more = EventualCheckpoint.WriteKeys(_store, ref cursor, block, CheckpointSliceBytes);
                writer.WriteBlock(block.Written);
            }
            while (more);
            block.Clear();
            lock (_gate)
                EventualCheckpoint.WriteConflicts(_conflicts, block);
            writer.WriteBlock(block.Written);
            WriteRequests(writer, block, cancellationToken);
            writer.Commit();
            _log.TruncatePrefix(start.Next);
            return start;
        }
        finally
        {
            Volatile.Write(ref _checkpointing, 0);
        }
    }

    /// <summary>As fast as it goes.</summary>
    public Lsn? Checkpoint(CancellationToken cancellationToken) => Checkpoint(pace: null, cancellationToken);

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

    /// <summary>Those that are added meanwhile are in the log.</summary>
    private void WriteRequests(CheckpointWriter writer, ByteWriter block, CancellationToken cancellationToken)
    {
        List<(Lsn Lsn, RequestResult Result)> kept;
        lock (_gate)
            kept = [.. _requests.Kept];
        for (var done = 0; done < kept.Count;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            block.Clear();
            done = EventualCheckpoint.WriteRequests(kept, done, block, CheckpointSliceBytes);
            writer.WriteBlock(block.Written);
        }
    }

    private ReplicaBatch BeginBatch()
    {
        lock (_gate)
            return new(_store, _standing, _applied, _clock.Now);
    }

    private void Show(ReplicaBatch batch)
    {
        lock (_gate)
        {
            batch.Apply(_conflicts, _requests);
            _standing = batch.Standing;
            if (!batch.Records.IsEmpty)
                _applied = batch.Records.Last;
        }
    }

    private void Recover()
    {
        _standing = Options.Beginning;
        var found = false;
        using (var checkpoint = _log.OpenNewestCheckpoint())
        {
            if (checkpoint is not null)
            {
                foreach (var block in checkpoint.ReadBlocks())
                    EventualCheckpoint.Load(block, _store, _conflicts, _requests);
                (_standing, _applied, found) = (ReplicaStanding.Decode(checkpoint.Meta), checkpoint.Lsn, true);
            }
        }

        foreach (var record in _log.ReplayFrom(_applied.Next))
        {
            Replay(record);
            _applied = record.Lsn;
            found = true;
        }

        _clock.Restore(_log.LastTimestamp);
        if (!found)
            WriteBeginning();
    }

    private void Replay(in WalRecord record)
    {
        var reader = new ByteReader(record.Payload, "record of an eventual replica");
        switch (record.Type)
        {
            case EventualRecordType.Standing:
                _standing = ReplicaStanding.Decode(record.Payload);
                break;
            case EventualRecordType.State:
                var key = reader.Bytes();
                var start = record.Payload.Length - reader.Rest;
                _store.Set(key.ToArray(), record.Payload[start..].ToArray(), record.Lsn);
                break;
            case EventualRecordType.Conflict:
                _conflicts.Add(record.Lsn, record.Payload.ToArray());
                break;
            case EventualRecordType.Request:
                _requests.Add(record.Lsn, RequestResultCodec.Decode(record.Payload));
                break;
            case EventualRecordType.Dismiss:
                _conflicts.Dismiss(record.Lsn, reader.Bytes(), new(reader.Guid(), reader.Varint()));
                break;
            case EventualRecordType.Forget:
                for (var left = reader.Count(leastBytesEach: 1); left > 0; left--)
                    _store.Forget(reader.Bytes());
                break;
            default:
                throw new InvalidDataException($"partition {Partition}: record {record.Lsn} has unknown type {record.Type}");
        }
    }

    /// <summary>The first record: whether somebody was here before must not depend on who asks next time.</summary>
    private void WriteBeginning()
    {
        using var batch = new ReplicaBatch(_store, default, _applied, _clock.Now);
        _standing = Options.Beginning == ReplicaStanding.Later ? Options.Beginning with { RequestsSince = _clock.Now() } : Options.Beginning;
        batch.Change(_standing);
        _log.Append(batch.Records);
        _applied = batch.Records.Last;
    }

    private static Failure Refused(Exception exception) => exception is DiskFullException or ObjectDisposedException
        ? Failure.NotApplied(ErrorCode.Unavailable, $"the replica cannot write: {exception.Message}")
        : Failure.Unknown(ErrorCode.OutcomeUnknown, $"the replica failed while it wrote: {exception.Message}");
}
