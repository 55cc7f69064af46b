using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Ranges;

/// <summary>
/// What connected feeds have not delivered yet, kept from collection while they go on asking. A protection that nobody renews ends by itself, and none
/// holds collection back for longer than a bound: a reader that is slower than that is told that its position is gone. Lost with the leader; the
/// feed's next call, at its successor, brings it back before that one collects anything. Under the replica's gate.
/// </summary>
internal sealed class ChangeProtections(TimeProvider time)
{
    /// <summary>Most feeds that are protected; further ones are served without.</summary>
    public const int MaxProtections = 4096;

    /// <summary>How long a protection stands without being renewed. Feeds ask much more often than that.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(1);

    /// <summary>How far a protection may hold the threshold behind where the retention would put it.</summary>
    public static readonly TimeSpan MaxHeldBack = TimeSpan.FromMinutes(15);

    private readonly Dictionary<Guid, (Timestamp Hold, long RenewedAt)> _protections = [];

    public void Renew(Guid feed, Timestamp hold)
    {
        if (feed == Guid.Empty)
            return;
        if (_protections.Count >= MaxProtections && !_protections.ContainsKey(feed))
        {
            RemoveLapsed();
            if (_protections.Count >= MaxProtections)
                return;
        }

        _protections[feed] = (hold, time.GetTimestamp());
    }

    /// <summary>How far a threshold may be raised now.</summary>
    public Timestamp Bound(Timestamp wanted)
    {
        RemoveLapsed();
        var bound = wanted;
        foreach (var (hold, _) in _protections.Values)
            bound = hold < bound ? hold : bound;
        return Timestamp.Later(bound, wanted.Add(-MaxHeldBack));
    }

    private void RemoveLapsed()
    {
        var now = time.GetTimestamp();
        foreach (var (feed, protection) in _protections)
        {
            if (time.GetElapsedTime(protection.RenewedAt, now) >= Lifetime)
                _protections.Remove(feed);
        }
    }
}
