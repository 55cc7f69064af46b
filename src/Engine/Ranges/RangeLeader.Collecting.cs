using System.Buffers.Binary;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Ranges;

/// <summary>
/// Which old versions may go. Snapshots of running transactions and places of connected feeds are known to the leader alone, by what it is asked; they are renewed much more
/// often than <see cref="InheritedFor"/>, and what a predecessor knew of them a successor learns in that time. Until then it takes nothing away.
/// </summary>
public sealed partial class RangeLeader
{
    private static readonly Epoch FirstEpoch = Epoch.Zero.Next;

    /// <summary>How long a leader that has a predecessor does not raise the threshold: what was in use then either ended or was asked for again.</summary>
    public static readonly TimeSpan InheritedFor = ReadProtection.Window > ChangeProtections.Lifetime ? ReadProtection.Window : ChangeProtections.Lifetime;

    private long _servesSince;

    /// <summary>Whether something may be in use that this leader was not asked for yet.</summary>
    private bool MayHaveInherited => Epoch > FirstEpoch && _options.Time.GetElapsedTime(_servesSince) < InheritedFor;

    /// <summary>Raises the GC threshold through the log, as far as intents, snapshots in use and connected feeds allow; lower values change nothing.</summary>
    /// <param name="threshold">Below this node's clock: versions are only ever written above the threshold.</param>
    /// <returns>The threshold in force.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="threshold"/> is not in the past.</exception>
    public async Task<Timestamp> RaiseGcThresholdAsync(Timestamp threshold)
    {
        Proposal? proposal;
        lock (_replica.Gate)
        {
            LastCollected = _options.Time.GetTimestamp();
            threshold = _feeds.Bound(BelowWhatIsInUse(threshold));
            if (_refusal is not null || threshold <= _replica.Store.GcThreshold || MayHaveInherited)
                return _replica.Store.GcThreshold;
            var now = _replica.Clock.Now();
            if (threshold >= now)
                throw new ArgumentOutOfRangeException(nameof(threshold), threshold, $"must be below the clock, {now}");
            Span<byte> payload = stackalloc byte[8];
            BinaryPrimitives.WriteUInt64LittleEndian(payload, threshold.Value);
            proposal = Enqueue(RangeRecordType.GcThreshold, now, payload, null, Done, threshold);
        }

        if (proposal is not null)
            await proposal.Task;
        lock (_replica.Gate)
            return _replica.Store.GcThreshold;
    }

    /// <summary>How far a GC threshold may rise: not to the versions that an undecided intent may make, nor above a snapshot that may still be read. Under the gate.</summary>
    private Timestamp BelowWhatIsInUse(Timestamp threshold)
    {
        var oldest = _replica.Transactions.Prepared.Oldest ?? _ahead.Prepared.Oldest;
        if (oldest is { } intent && intent <= threshold)
            threshold = intent.Previous;
        return _protection.Oldest is { } snapshot && snapshot < threshold ? snapshot : threshold;
    }
}
