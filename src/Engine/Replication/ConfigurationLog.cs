using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Replication;

/// <summary>
/// The configurations along one replica's log: each is in force from the moment its record is appended, committed or not, and one whose
/// record is truncated was never there. The owner synchronizes.
/// </summary>
internal sealed class ConfigurationLog(RangeConfiguration initial)
{
    private readonly List<(Lsn Lsn, RangeConfiguration Configuration)> _entries = [(Lsn.Zero, initial)];

    /// <summary>The newest one.</summary>
    public RangeConfiguration Current => _entries[^1].Configuration;

    /// <summary>The one in force at a position.</summary>
    public RangeConfiguration At(Lsn lsn)
    {
        var index = _entries.Count - 1;
        while (index > 0 && _entries[index].Lsn > lsn)
            index--;
        return _entries[index].Configuration;
    }

    public void Append(Lsn lsn, RangeConfiguration configuration) => _entries.Add((lsn, configuration));

    /// <summary>Records from <paramref name="from"/> on are gone.</summary>
    public void TruncateSuffix(Lsn from) => _entries.RemoveAll(entry => entry.Lsn >= from && entry.Lsn != Lsn.Zero);

    /// <summary>Nothing before <paramref name="lsn"/> is ever asked again.</summary>
    public void Forget(Lsn lsn)
    {
        while (_entries.Count > 1 && _entries[1].Lsn <= lsn)
            _entries.RemoveAt(0);
    }
}
