namespace GrainDb.Silo.Clustering;

/// <summary>
/// Orleans' membership table in a directory that the processes of one host share.
/// <para>Every change is: lock <c>membership.lock</c>, read, compare ETags, replace the file, unlock. Reads take no lock.</para>
/// <para>Whoever reads and finds a row whose silo has no process any more (<see cref="SiloLiveness"/>) first writes it down as dead, as a
/// change like any other. So after <c>kill -9</c> of any number of nodes, the first to come back sees a table that is true at once and
/// does not wait for probes of the dead.</para>
/// <para>Crash of a writer: before the rename nothing happened, after it everything did; the lock is gone with the process.
/// A writer that is stopped (not killed) while it holds the lock stops membership changes of all; they fail after <see cref="LockPatience"/>
/// and Orleans tries again.</para>
/// </summary>
public sealed partial class FileMembershipTable : IMembershipTable, IDisposable
{
    /// <summary>How long a change waits for the lock, which is usually held for a few milliseconds.</summary>
    public static readonly TimeSpan LockPatience = TimeSpan.FromSeconds(10);

    private readonly string _directory;
    private readonly string _clusterId;
    private readonly SiloAddress _self;
    private readonly TimeProvider _time;
    private readonly ILogger<FileMembershipTable> _logger;
    private readonly MembershipTableFile _file;
    private readonly SiloLiveness _liveness;
    private FileLock? _alive;

    /// <param name="directory">The shared directory; created when absent.</param>
    /// <param name="clusterId">The cluster; a table of another one is refused.</param>
    /// <param name="self">The silo that uses this object.</param>
    /// <param name="time">The clock of waits and of death declarations.</param>
    /// <param name="logger">Where death declarations are logged.</param>
    public FileMembershipTable(string directory, string clusterId, SiloAddress self, TimeProvider time, ILogger<FileMembershipTable> logger)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        _directory = directory;
        _clusterId = clusterId;
        _self = self;
        _time = time;
        _logger = logger;
        _file = new MembershipTableFile(Path.Combine(directory, "membership.json"));
        _liveness = new SiloLiveness(directory);
    }

    /// <inheritdoc/>
    /// <remarks>From here on the silo counts as running, until this object is disposed or the process ends.</remarks>
    public async Task InitializeMembershipTable(bool tryInitTableVersion)
    {
        Directory.CreateDirectory(_directory);
        using var exclusive = await LockAsync();
        if (!_file.Exists)
        {
            // The check comes before our own lock is taken: only others can be meant.
            if (_liveness.IsAnyRunning())
                throw new MembershipTableDamagedException($"membership table {_file.Path} is gone while nodes that use it run; stop them and start them again", null);
            if (tryInitTableVersion)
                _file.Write(MembershipTableContent.Empty(_clusterId));
        }

        var content = Read();
        _alive ??= _liveness.Hold(_self);
        Bury(content);
        _liveness.Sweep();
    }

    public async Task<MembershipTableData> ReadAll()
    {
        var content = await ReadTruthAsync();
        return new MembershipTableData(content.Silos.Select(row => row.ToEntry()).ToList(), content.ToTableVersion());
    }

    public async Task<MembershipTableData> ReadRow(SiloAddress key)
    {
        ArgumentNullException.ThrowIfNull(key);
        var content = await ReadTruthAsync();
        return content.Find(key.ToParsableString()) is { } row
            ? new MembershipTableData(row.ToEntry(), content.ToTableVersion())
            : new MembershipTableData(content.ToTableVersion());
    }

    public async Task<bool> InsertRow(MembershipEntry entry, TableVersion tableVersion)
    {
        ArgumentNullException.ThrowIfNull(entry);
        ArgumentNullException.ThrowIfNull(tableVersion);
        var row = entry.ToRow();
        using var exclusive = await LockAsync();
        var content = Read();
        if (content.Find(row.Silo) is not null || content.ETag.ToString() != tableVersion.VersionEtag)
            return false;
        _file.Write(content.Next(tableVersion.Version, [row]));
        return true;
    }

    public async Task<bool> UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion)
    {
        ArgumentNullException.ThrowIfNull(entry);
        ArgumentNullException.ThrowIfNull(tableVersion);
        var row = entry.ToRow();
        using var exclusive = await LockAsync();
        var content = Read();
        if (content.Find(row.Silo) is not { } present || present.ETag.ToString() != etag || content.ETag.ToString() != tableVersion.VersionEtag)
            return false;
        _file.Write(content.Next(tableVersion.Version, [row]));
        return true;
    }

    /// <inheritdoc/>
    /// <remarks>Leaves ETags and version alone, so that a heartbeat makes nobody's change fail.</remarks>
    public async Task UpdateIAmAlive(MembershipEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        var beat = entry.ToRow();
        using var exclusive = await LockAsync();
        var content = Read();
        if (content.Find(beat.Silo) is null)
            return; // a silo whose row was cleaned up learns of its death from the next read
        _file.Write(content with
        {
            Silos = [.. content.Silos.Select(row => row.Silo == beat.Silo ? row with { IAmAliveTime = beat.IAmAliveTime } : row)],
        });
    }

    public async Task CleanupDefunctSiloEntries(DateTimeOffset beforeDate)
    {
        using var exclusive = await LockAsync();
        var content = Read();
        var kept = content.Silos.Where(row => row.Status == SiloStatus.Active || row.LastChange >= beforeDate.UtcDateTime).ToList();
        if (kept.Count < content.Silos.Count)
            _file.Write(content with { Silos = kept });
        _liveness.Sweep();
    }

    public async Task DeleteMembershipTableEntries(string clusterId)
    {
        using var exclusive = await LockAsync();
        var content = Read();
        if (clusterId == _clusterId)
            _file.Write(content.Next(content.Version + 1, []) with { Silos = [] });
    }

    /// <summary>Says that this silo runs no more. Its row is Orleans' to write.</summary>
    public void Dispose() => _alive?.Dispose();

    private Task<FileLock> LockAsync() => FileLock.TakeAsync(Path.Combine(_directory, "membership.lock"), LockPatience, _time);

    private MembershipTableContent Read()
    {
        var content = _file.Read();
        return content.ClusterId == _clusterId
            ? content
            : throw new MembershipTableDamagedException($"membership table {_file.Path} belongs to cluster '{content.ClusterId}', this node to '{_clusterId}'", null);
    }

    private async Task<MembershipTableContent> ReadTruthAsync()
    {
        var content = Read();
        if (!content.Silos.Any(IsGone))
            return content;
        using var exclusive = await LockAsync();
        return Bury(Read());
    }

    private bool IsGone(MembershipRow row) => row.Status != SiloStatus.Dead && !_liveness.IsRunning(SiloAddress.FromParsableString(row.Silo));

    /// <summary>Declares dead whoever has no process. The caller holds the lock.</summary>
    private MembershipTableContent Bury(MembershipTableContent content)
    {
        var now = _time.GetUtcNow().UtcDateTime;
        var by = new MembershipSuspicion(_self.ToParsableString(), now);
        var dead = content.Silos.Where(IsGone)
            .Select(row => row with { Status = SiloStatus.Dead, Suspicions = [.. row.Suspicions ?? [], by] })
            .ToList();
        if (dead.Count == 0)
            return content;
        var next = content.Next(content.Version + 1, dead);
        _file.Write(next);
        foreach (var row in dead)
            LogDead(row.SiloName, row.Silo);
        return next;
    }

    [LoggerMessage(EventId = 9001, Level = LogLevel.Information, Message = "Node {Node} ({Silo}) has no process any more: declared dead")]
    private partial void LogDead(string? node, string silo);
}
