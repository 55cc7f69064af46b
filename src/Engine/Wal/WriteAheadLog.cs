using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>
/// The durable log of one replica: segment files that are appended in LSN order, and the checkpoints that allow their prefix
/// to be dropped. See docs/formats/wal.md.
/// </summary>
/// <remarks>
/// <para>
/// An append is one write and one <c>fdatasync</c>; when it returns, its records are durable, and when it throws
/// <see cref="DiskFullException"/>, nothing of them was written. Any other failure makes the log <see cref="WalStatus.Broken"/>
/// for good: what the disk holds of that one append is unknown then, until a restart reads it.
/// </para>
/// <para>
/// One caller at a time for <see cref="Append"/>, <see cref="EnsureRoom"/>, <see cref="TruncateSuffix"/>, <see cref="SnapshotInstall.Commit"/> and
/// <see cref="Dispose"/> (asserted). Beside it replays, <see cref="TruncatePrefix"/>, a checkpoint, the writing of a snapshot and all properties may be
/// used from other threads; what reads the log while its suffix is truncated or a snapshot takes its place ends with <see cref="LogReplacedException"/>.
/// </para>
/// </remarks>
public sealed partial class WriteAheadLog : IDisposable
{
    private readonly WalOptions _options;
    private readonly SegmentFiles _files;
    private readonly CheckpointStore _checkpoints;
    private readonly RangeId _range;
    private readonly Guid _incarnation;

    // Held while names are removed or replaced, so that truncations, snapshots and new checkpoints do not meet; taken before the gate.
    private readonly Lock _removing = new();

    // Guards all that follows; never held during I/O.
    private readonly Lock _gate = new();
    private readonly List<Segment> _segments;
    private Lsn _lastLsn;
    private Epoch _lastEpoch;
    private Timestamp _lastTimestamp;
    private WalStatus _status;
    private string _statusReason = "";
    private bool _onReserve; // full, and what was appended since may take of the reserve: it proves no room
    private Exception? _brokenBy;
    private WalCounters _counters;
    private long _appendedBytes;
    private long _checkpointedBytes;
    // Odd while files that readers may have open or be about to open are replaced; see ThrowIfReplaced.
    private int _replacements;

    // Belongs to the one appender. The segment's fields change under the gate.
    private Segment _active;
    private IWalFile _file;
    private bool _markedClosed;
    private bool _activeIsOfReserve; // what is left in it is for what may take of the reserve
    private bool _disposed;
    private int _appending;

    private WriteAheadLog(WalOptions options, IWalFileSystem fileSystem, string directory, RangeId range, Guid incarnation)
    {
        _options = options;
        _range = range;
        _incarnation = incarnation;
        CheckpointFactor = 1 + (incarnation.ToByteArray()[^1] / 512.0);
        _files = new(fileSystem, directory, options);
        var recovery = new LogRecovery(_files, range, incarnation);
        recovery.Open(options.FirstSegmentBytes);
        _checkpoints = new(this, _removing, fileSystem, directory, range, incarnation);
        _segments = recovery.Segments;
        (_lastLsn, _lastEpoch, _lastTimestamp) = (_segments[^1].LastLsn, recovery.LastEpoch, recovery.LargestTimestamp);
        _markedClosed = recovery.ClosedCleanly;
        CheckAgainstCheckpoint(_checkpoints.Newest);
        _appendedBytes = _segments.Sum(s => s.End);
        _checkpointedBytes = _segments.Sum(s => s.LastLsn <= CheckpointLsn ? s.End : s.Index.OffsetAtOrBefore(CheckpointLsn.Next));
        Recovery = new(
            recovery.Created, _segments.Count, recovery.Records, recovery.TornBytes, recovery.TornFile, recovery.TornOffset, CheckpointLsn, recovery.ClosedCleanly);
        _active = _segments[^1];
        _file = fileSystem.Open(_active.Path);
    }

    /// <summary>What opening found.</summary>
    public WalRecovery Recovery { get; }

    /// <summary>The replica's directory.</summary>
    public string Directory => _files.Directory;

    /// <summary>The oldest record that a replay can begin with; the next one to be appended when the log is empty.</summary>
    public Lsn FirstLsn
    {
        get
        {
            lock (_gate) return _segments[0].Header.FirstLsn;
        }
    }

    /// <summary>The last durable record; zero when there was never one.</summary>
    public Lsn LastLsn
    {
        get
        {
            lock (_gate) return _lastLsn;
        }
    }

    /// <summary>The epoch of the last record.</summary>
    public Epoch LastEpoch
    {
        get
        {
            lock (_gate) return _lastEpoch;
        }
    }

    /// <summary>The largest timestamp of any record up to the last one, truncated prefixes included.</summary>
    public Timestamp LastTimestamp
    {
        get
        {
            lock (_gate) return _lastTimestamp;
        }
    }

    /// <summary>The newest checkpoint: replay begins at the record after it. Zero when there is none.</summary>
    public Lsn CheckpointLsn => _checkpoints.Newest;

    /// <summary>Checkpoints that were found invalid; an operator should know.</summary>
    public IReadOnlyList<InvalidCheckpoint> InvalidCheckpoints => _checkpoints.Invalid;

    /// <summary>What the log can do.</summary>
    public WalStatus Status
    {
        get
        {
            lock (_gate) return _status;
        }
    }

    /// <summary>Why it is not healthy; empty when it is.</summary>
    public string StatusReason
    {
        get
        {
            lock (_gate) return _statusReason;
        }
    }

    /// <summary>Bytes of log that a recovery would replay now (to within the spacing of the segment index after a restart).</summary>
    public long BytesSinceCheckpoint
    {
        get
        {
            lock (_gate) return _appendedBytes - _checkpointedBytes;
        }
    }

    /// <summary>Counts for metrics.</summary>
    public WalCounters Counters
    {
        get
        {
            lock (_gate) return _counters;
        }
    }

    /// <summary>Allocated bytes of all segments.</summary>
    public long AllocatedBytes
    {
        get
        {
            lock (_gate) return _segments.Sum(s => s.Capacity);
        }
    }

    /// <summary>The first record of the oldest segment that lies, with all behind it, within a number of bytes; at least the last segment's.</summary>
    public Lsn FirstWithin(long bytes)
    {
        lock (_gate)
        {
            var index = _segments.Count - 1;
            for (bytes -= _segments[index].End; index > 0 && bytes >= _segments[index - 1].End; index--) bytes -= _segments[index - 1].End;
            return _segments[index].Header.FirstLsn;
        }
    }

    /// <summary>Opens the log of a replica, recovering it after a crash, or creates it. The log must be created before any other file of the replica.</summary>
    /// <param name="options">Sizes.</param>
    /// <param name="fs">The files.</param>
    /// <param name="directory">The replica's own directory; created when missing.</param>
    /// <param name="range">The range; a log of another one is refused.</param>
    /// <param name="incarnation">The replica's incarnation; a log of another one is refused.</param>
    /// <exception cref="WalCorruptionException">Acknowledged bytes are damaged or missing: the replica is broken.</exception>
    /// <exception cref="DiskFullException">There is no room to create or mend it; nothing is lost.</exception>
    /// <exception cref="WalIOException">A system call failed.</exception>
    public static WriteAheadLog Open(WalOptions options, IWalFileSystem fs, string directory, RangeId range, Guid incarnation)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(fs);
        options.Check(nameof(options));
        DurableDirectory.Create(fs, directory);
        return new(options, fs, directory, range, incarnation);
    }

    /// <summary>
    /// By how much this replica's bounds of <see cref="ShouldCheckpoint"/> are larger: 1 to 1.5, by its incarnation, which is random. Replicas of one range log the same bytes, and are not to write their
    /// checkpoints at the same moment.
    /// </summary>
    public double CheckpointFactor { get; }

    /// <summary>
    /// Whether the log since the last checkpoint outweighs a state of this size, or what that checkpoint holds, so that writing one pays. A state that only grows is always larger than what was
    /// logged since; measured by its last checkpoint it gets the next one when it has doubled, times <see cref="CheckpointFactor"/>.
    /// </summary>
    public bool ShouldCheckpoint(long stateBytes) =>
        BytesSinceCheckpoint > Math.Max(_options.MinCheckpointBytes, Math.Min(stateBytes, _checkpoints.NewestBytes)) * CheckpointFactor;

    /// <summary>Begins a checkpoint of a state that holds at least every record up to and including <paramref name="startLsn"/>.</summary>
    /// <param name="startLsn">Replay will begin after it; applying a record again must change nothing.</param>
    /// <param name="meta">The owner's description of the state, at most 16 MiB.</param>
    /// <param name="pace">How fast it is written; null for as fast as it goes.</param>
    /// <exception cref="ArgumentException">The LSN is not durable here, or is older than the newest checkpoint's.</exception>
    /// <exception cref="DiskFullException">There is no room; the log goes on.</exception>
    public CheckpointWriter BeginCheckpoint(Lsn startLsn, ReadOnlySpan<byte> meta, CheckpointPace? pace = null)
    {
        ThrowIfBroken();
        var installs = _checkpoints.Installs; // first: what is read of the log below must not be of an older one
        if (!TryGetEpoch(startLsn, out var epoch)) throw new ArgumentException($"LSN {startLsn} is not in the log (up to {LastLsn})", nameof(startLsn));
        long mark;
        lock (_gate) mark = _appendedBytes;
        return _checkpoints.Begin(_checkpoints.Header(startLsn, epoch, LastTimestamp, meta), new(installs, mark), pace);
    }

    /// <summary>Opens the newest valid checkpoint, or, when that one is damaged, the older one (see <see cref="CheckpointReader.PassedOver"/>).</summary>
    /// <returns>Null when there is none and the log is whole from LSN 1.</returns>
    /// <exception cref="WalCorruptionException">What is left of checkpoints and log does not make a whole state.</exception>
    /// <exception cref="LogReplacedException">A snapshot was installed meanwhile.</exception>
    public CheckpointReader? OpenNewestCheckpoint()
    {
        var replacements = CurrentReplacements();
        var before = CheckpointLsn;
        var reader = _checkpoints.OpenNewest();
        var lsn = reader?.Lsn ?? Lsn.Zero;
        if (reader is not null) reader.LargestOfLog = LastTimestamp;
        try
        {
            ThrowIfReplaced(replacements);
            if (lsn == before) return reader;
            CheckAgainstCheckpoint(lsn);
        }
        catch
        {
            reader?.Dispose();
            throw;
        }

        lock (_gate) _checkpointedBytes = 0; // all of the retained log, at most
        return reader;
    }

    /// <summary>
    /// Closes the log. A healthy log is marked as closed first, which lets the next opening recognise damage to its last
    /// records as such instead of taking it for the trace of a crash.
    /// </summary>
    public void Dispose()
    {
        if (_disposed) return;
        using var only = EnterAppender();
        _disposed = true;
        try
        {
            if (Status != WalStatus.Broken && !_markedClosed && _active.Fits(0)) SegmentFiles.WriteMark(_file, _active, BatchFrameKind.Close);
        }
        catch (Exception exception)
        {
            Break("closing failed", exception);
        }
        finally
        {
            _file.Dispose();
        }
    }

    internal void CheckpointCommitted(CheckpointWriter writer)
    {
        lock (_gate)
        {
            _checkpointedBytes = writer.Origin.Mark;
            _counters = _counters with { Checkpoints = _counters.Checkpoints + 1 };
        }
    }

    /// <summary>Ends the log's service for good; the first reason stands.</summary>
    internal WalBrokenException Break(string reason, Exception cause)
    {
        lock (_gate)
        {
            if (_status != WalStatus.Broken) (_status, _statusReason, _brokenBy) = (WalStatus.Broken, $"{reason}: {cause.Message}", cause);
            return new(_statusReason, cause);
        }
    }

    private void CheckAgainstCheckpoint(Lsn checkpoint)
    {
        var first = _segments[0].Header.FirstLsn;
        if (checkpoint.Next < first)
            throw new WalCorruptionException(Directory, 0, $"the log begins at LSN {first}, and the newest valid checkpoint ends at {checkpoint}");
        if (checkpoint > _lastLsn)
            throw new WalCorruptionException(_segments[^1].Path, _segments[^1].End, $"the log ends at LSN {_lastLsn}, before its checkpoint {checkpoint}");
    }

    private void ThrowIfBroken()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        lock (_gate)
        {
            if (_status == WalStatus.Broken) throw new WalBrokenException(_statusReason, _brokenBy);
        }
    }

}
