using GrainDb.Engine.Eventual;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Grains.Eventual;

/// <summary>When one partition's replica on this node is looked after next. One caretaker at a time.</summary>
internal sealed class PartitionCare
{
    private readonly Lock _gate = new();
    private bool _isBusy;
    private bool _isRequested;
    private long _notBefore;
    private long? _compared;
    private long? _rounded;
    private long? _verified;
    private Lsn _agreed;

    /// <summary>It is to be compared soon, whatever is known of it.</summary>
    public void Request()
    {
        lock (_gate)
            (_isRequested, _notBefore) = (true, 0);
    }

    /// <summary>Whether there is something to do now; the caller then does it.</summary>
    /// <param name="open">The replica where it is in memory: an idle one has nothing new.</param>
    /// <param name="options">How often.</param>
    /// <param name="time">The time.</param>
    public bool TryBegin(EventualReplica? open, EventualOptions options, TimeProvider time)
    {
        lock (_gate)
        {
            if (_isBusy || time.GetTimestamp() < _notBefore || !(_isRequested || (open is not null && IsDue(open, options, time))))
                return false;
            _isBusy = true;
            _isRequested = false;
            return true;
        }
    }

    /// <summary>The comparison came to its end, or did not.</summary>
    /// <param name="isDone">Whether the replica agrees with all others.</param>
    /// <param name="pause">Until the next attempt, unless somebody asks for one.</param>
    /// <param name="again">Whether to try again after that, whether or not anything changes.</param>
    /// <param name="time">The time.</param>
    public void End(bool isDone, TimeSpan pause, bool again, TimeProvider time)
    {
        lock (_gate)
        {
            _compared = time.GetTimestamp();
            if (isDone || _isRequested)
                return; // somebody asked meanwhile
            _isRequested = again;
            _notBefore = time.GetTimestamp() + (long)(pause.TotalSeconds * time.TimestampFrequency);
        }
    }

    /// <summary>The caretaker is gone.</summary>
    public void Leave()
    {
        lock (_gate)
            _isBusy = false;
    }

    /// <summary>What the replica had up to this record, all others have.</summary>
    public void Agreed(Lsn upTo)
    {
        lock (_gate)
            _agreed = upTo;
    }

    /// <summary>Whether it is time to look for tombstones; asking counts as looking.</summary>
    public bool MayRound(EventualOptions options, TimeProvider time)
    {
        lock (_gate)
        {
            if (_rounded is { } last && time.GetElapsedTime(last) < options.RoundInterval)
                return false;
            _rounded = time.GetTimestamp();
            return true;
        }
    }

    /// <summary>Whether it is time to look whether the tree is still that of the states; asking counts as looking.</summary>
    public bool MayVerify(TimeSpan interval, TimeProvider time)
    {
        lock (_gate)
        {
            var last = _verified ??= time.GetTimestamp();
            if (time.GetElapsedTime(last) < interval)
                return false;
            _verified = time.GetTimestamp();
            return true;
        }
    }

    private bool IsDue(EventualReplica open, EventualOptions options, TimeProvider time)
    {
        if (open.Standing is { NeedsRepair: true } or { IsJoined: false })
            return true;
        if (_compared is { } last && time.GetElapsedTime(last) < options.CompareInterval)
            return false;
        var figures = open.GetFigures();
        return figures.LastLsn != _agreed || figures.Mortal > 0;
    }
}
