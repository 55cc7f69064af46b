using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>
/// The checkpoint files of one replica: the newest two are kept, and the log is kept back to the older of them, so that a
/// damaged newest one costs nothing but a longer replay. With one checkpoint the empty state before LSN 1 is the older one.
/// </summary>
internal sealed class CheckpointStore
{
    private const int Kept = 2;

    private readonly WriteAheadLog _log;
    private readonly string _directory;
    private readonly RangeId _range;
    private readonly Guid _incarnation;
    private readonly Lock _removing;
    private readonly Lock _gate = new();
    private readonly List<Lsn> _valid = []; // ascending; believed valid
    private readonly List<InvalidCheckpoint> _invalid = [];
    private long _newestBytes;
    private bool _writing;
    private int _installs;

    /// <param name="log">Whose checkpoints they are.</param>
    /// <param name="removing">The log's lock for changes of several files; taken before the gate.</param>
    /// <param name="fileSystem">The files.</param>
    /// <param name="directory">The replica's directory.</param>
    /// <param name="range">The range.</param>
    /// <param name="incarnation">The replica.</param>
    public CheckpointStore(WriteAheadLog log, Lock removing, IWalFileSystem fileSystem, string directory, RangeId range, Guid incarnation)
    {
        _log = log;
        _removing = removing;
        FileSystem = fileSystem;
        _directory = directory;
        _range = range;
        _incarnation = incarnation;
        foreach (var name in fileSystem.ListFiles(directory).Order(StringComparer.Ordinal))
        {
            if (!WalFileNames.TryParseCheckpoint(name, out var lsn)) continue;
            using var reader = CheckpointReader.TryOpen(fileSystem, PathOf(lsn), range, incarnation, [], verifyBlocks: false, out var problem);
            if (reader is null)
            {
                _invalid.Add(new(PathOf(lsn), problem));
                continue;
            }

            _valid.Add(lsn);
            _newestBytes = reader.BlockBytes;
        }
    }

    public IWalFileSystem FileSystem { get; }

    /// <summary>The newest checkpoint that is believed valid; zero when there is none.</summary>
    public Lsn Newest
    {
        get
        {
            lock (_gate) return _valid.Count == 0 ? Lsn.Zero : _valid[^1];
        }
    }

    /// <summary>About the bytes of the newest checkpoint; zero when there is none.</summary>
    public long NewestBytes
    {
        get
        {
            lock (_gate) return _valid.Count == 0 ? 0 : _newestBytes;
        }
    }

    /// <summary>Records above this LSN are needed for a fallback to the older checkpoint.</summary>
    public Lsn Protected
    {
        get
        {
            lock (_gate) return _valid.Count < Kept ? Lsn.Zero : _valid[^Kept];
        }
    }

    /// <summary>Checkpoints found invalid since the log was opened.</summary>
    public IReadOnlyList<InvalidCheckpoint> Invalid
    {
        get
        {
            lock (_gate) return [.. _invalid];
        }
    }

    /// <summary>Snapshots installed since the log was opened.</summary>
    public int Installs
    {
        get
        {
            lock (_gate) return _installs;
        }
    }

    public string PathOf(Lsn lsn) => Path.Combine(_directory, WalFileNames.Checkpoint(lsn));

    public CheckpointHeader Header(Lsn lsn, Epoch epoch, Timestamp timestamp, ReadOnlySpan<byte> meta) =>
        meta.Length <= CheckpointHeader.MaxMetaBytes
            ? new(_range, _incarnation, lsn, epoch, timestamp, meta.ToArray())
            : throw new ArgumentException($"meta has {meta.Length} bytes, at most {CheckpointHeader.MaxMetaBytes}", nameof(meta));

    public CheckpointWriter Begin(CheckpointHeader header, CheckpointOrigin origin, CheckpointPace? pace)
    {
        var lsn = header.Lsn;
        if (lsn < Newest) throw new ArgumentException($"there is a newer checkpoint, at {Newest}", nameof(header));
        lock (_gate)
        {
            if (_writing) throw new InvalidOperationException("a checkpoint is being written already");
            _writing = true;
        }

        try
        {
            return new(this, header, origin, pace);
        }
        catch (DiskFullException)
        {
            _writing = false;
            throw;
        }
        catch (Exception exception)
        {
            throw Broken("creating a checkpoint failed", exception);
        }
    }

    /// <summary>Opens the newest checkpoint that is valid to the last block, and forgets those that are not.</summary>
    public CheckpointReader? OpenNewest()
    {
        lock (_gate)
        {
            while (_valid.Count > 0)
            {
                var path = PathOf(_valid[^1]);
                var reader = CheckpointReader.TryOpen(FileSystem, path, _range, _incarnation, [.. _invalid], verifyBlocks: true, out var problem);
                if (reader is not null)
                {
                    _newestBytes = reader.BlockBytes;
                    return reader;
                }

                _invalid.Add(new(path, problem));
                _valid.RemoveAt(_valid.Count - 1);
            }

            return null;
        }
    }

    public void Publish(CheckpointWriter writer, string temporary)
    {
        lock (_removing)
        {
            if (writer.Origin.Installs != Installs)
            {
                Abandon(temporary);
                throw new LogReplacedException();
            }

            PublishAlone(writer, temporary);
            _log.CheckpointCommitted(writer);
        }
    }

    /// <summary>A snapshot's checkpoint took the place of all others.</summary>
    public void Installed(Lsn lsn, long bytes)
    {
        lock (_gate)
        {
            _newestBytes = bytes;
            _installs++;
            _valid.Clear();
            _invalid.Clear();
            _valid.Add(lsn);
        }
    }

    public void Abandon(string temporary)
    {
        lock (_gate) _writing = false;
        FileSystem.Delete(temporary);
    }

    public WalBrokenException Broken(string reason, Exception cause) => _log.Break(reason, cause);

    private void PublishAlone(CheckpointWriter writer, string temporary)
    {
        try
        {
            FileSystem.Rename(temporary, PathOf(writer.Lsn));
            FileSystem.SyncDirectory(_directory);
            List<Lsn> superfluous;
            lock (_gate)
            {
                _writing = false;
                _valid.Remove(writer.Lsn); // replaced by one at the same LSN
                _valid.Add(writer.Lsn);
                _newestBytes = writer.Bytes;
                superfluous = _valid[..^Math.Min(Kept, _valid.Count)];
                _valid.RemoveRange(0, superfluous.Count);
            }

            foreach (var lsn in superfluous) FileSystem.Delete(PathOf(lsn));
            foreach (var invalid in Invalid) DeleteInvalid(invalid);
            FileSystem.SyncDirectory(_directory);
        }
        catch (Exception exception)
        {
            throw Broken("publishing a checkpoint failed", exception);
        }
    }

    /// <summary>An invalid checkpoint is kept as evidence until two valid ones are there.</summary>
    private void DeleteInvalid(InvalidCheckpoint invalid)
    {
        lock (_gate)
        {
            if (_valid.Count < Kept || _valid.Any(lsn => PathOf(lsn) == invalid.File)) return;
            _invalid.Remove(invalid);
        }

        FileSystem.Delete(invalid.File);
    }
}
