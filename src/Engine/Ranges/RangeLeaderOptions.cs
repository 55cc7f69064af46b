using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Engine.Ranges;

/// <summary>What one leader is.</summary>
/// <param name="Descriptor">The range.</param>
/// <param name="Partitioning">How its keyspace makes routing keys.</param>
/// <param name="Node">The node's stable name.</param>
/// <param name="Region">The node's region.</param>
/// <param name="MaxValueBytes">Longest value, 1 to <see cref="KeyLimits.AbsoluteMaxValueBytes"/>.</param>
/// <param name="Nonce">Drawn anew by every activation, so that no second or restarted one is taken for the first.</param>
/// <param name="Schedule">Runs the flush loop on a thread that may block.</param>
/// <param name="Time">Source of the monotonic clock for request rates.</param>
/// <param name="Recovery">Gets the transactions that stand prepared for too long.</param>
public sealed record RangeLeaderOptions(
    RangeDescriptor Descriptor,
    KeyspacePartitioning Partitioning,
    string Node,
    string Region,
    int MaxValueBytes,
    Guid Nonce,
    Action<Action> Schedule,
    TimeProvider Time,
    ITransactionRecovery Recovery);
