using GrainDb.Engine.Ranges;
using GrainDb.Engine.Transactions;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Simulation.Checks;

/// <summary>An anchor that is told that a commit is settled forgets it. By then every other participant must have it in its log.</summary>
internal sealed class SettledChecks
{
    private readonly Dictionary<TransactionId, RangeId[]> _others = [];
    private readonly HashSet<(RangeId Range, TransactionId Transaction)> _carriedOut = [];

    /// <summary>A replica has applied a record.</summary>
    /// <returns>What is wrong; null when nothing is.</returns>
    public string? OnApplied(RangeId range, in WalRecord record)
    {
        if (record.Type == RangeRecordType.Commit && CommitCodec.Decode(record.Payload).Head is { Others.Length: > 0 } head)
            _others[head.Transaction] = head.Others;
        if (record.Type != RangeRecordType.Resolve)
            return null;
        foreach (var resolution in ResolveCodec.Decode(record.Payload))
        {
            if (!resolution.IsSettled)
                _carriedOut.Add((range, resolution.Transaction));
            else if (Array.Find(_others[resolution.Transaction], other => !_carriedOut.Contains((other, resolution.Transaction))) is { Value: not 0 } early)
                return $"range {range} was told that {resolution.Transaction} is settled, and range {early} has not carried it out";
        }

        return null;
    }
}
