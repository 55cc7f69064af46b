using GrainDb.Engine.Time;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;
using GrainDb.Simulation.Cluster;
using GrainDb.Simulation.Core;

namespace GrainDb.Simulation.Transactions;

/// <summary>
/// What one run of a node's program does about transactions: coordinates those that began here, carries decisions to participants, recovers and finishes what its
/// leaders report. All of it is gone with the process.
/// </summary>
internal sealed class NodeTransactions : ITransactionRecovery
{
    private static readonly TimeSpan ResolvePatience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan RecoveryPatience = TimeSpan.FromSeconds(2);

    private readonly SimulatedCluster _cluster;
    private readonly SimulatedProcess _process;
    private readonly CoordinatorContext _context;
    private readonly TransactionRecovery _recovery;
    private readonly Dictionary<TransactionId, TransactionCoordinator> _open = [];
    private readonly HashSet<TransactionId> _recovering = [];
    private readonly HashSet<TransactionId> _finishing = [];

    public NodeTransactions(SimulatedCluster cluster, SimulatedNode node, SimulatedProcess process, TimeProvider time, HybridLogicalClock clock)
    {
        (_cluster, _process) = (cluster, process);
        var random = cluster.World.NewRandom($"transactions of {node.Name} at {cluster.World.Now}");
        Ranges = new NodeRanges(cluster, process, time, random);
        var resolutions = new ResolutionQueue((range, decided) => Ranges.ResolveAsync(range, decided, ResolvePatience), work => process.Post(_ => work(), null), time);
        _context = new CoordinatorContext
        {
            Ranges = Ranges,
            Resolutions = resolutions,
            Clock = clock,
            Time = time,
            Node = node.Name,
            MaxValueBytes = SimulatedNode.MaxValueBytes,
            Random = () => (ulong)random.NextInt64(),
            Faults = cluster.Profile.CoordinatorFaults,
        };
        _recovery = new TransactionRecovery(Ranges, resolutions, clock) { Faults = cluster.Profile.CoordinatorFaults };
    }

    public NodeRanges Ranges { get; }

    /// <summary>Begins a transaction here.</summary>
    public TransactionBegun Begin(TransactionOptions options)
    {
        if (TransactionCoordinator.WhyNotBegin(options, _context.Clock.Now()) is { } failure)
            return TransactionBegun.Failed(failure);
        var transaction = new TransactionCoordinator(_context, _context.NewId(), options);
        _open.Add(transaction.Id, transaction);
        return new TransactionBegun { Id = transaction.Id, ReadTimestamp = transaction.ReadTimestamp, ExpiresAt = transaction.ExpiresAt };
    }

    public async ValueTask<ReadResult> ReadAsync(TransactionId id, byte[] key, TimeSpan timeout) => _open.TryGetValue(id, out var transaction)
        ? await transaction.ReadAsync(DataKeyspace.Name, key, timeout, CancellationToken.None)
        : ReadResult.Failed(Lost(id));

    public async ValueTask<ScanResult> ScanAsync(TransactionId id, ScanQuery query, TimeSpan timeout) => _open.TryGetValue(id, out var transaction)
        ? await transaction.ScanAsync(DataKeyspace.Name, query, timeout, CancellationToken.None)
        : ScanResult.Failed(Lost(id));

    /// <summary>Buffers writes and commits: what a client does with two calls, since nothing of the first leaves the node.</summary>
    public async ValueTask<CommitResult> CommitAsync(TransactionId id, IReadOnlyList<KeyWrite> writes, IdempotencyStamp? stamp, TimeSpan timeout)
    {
        if (!_open.TryGetValue(id, out var transaction))
            return CommitResult.Failed(Lost(id));
        foreach (var write in writes)
        {
            if (await transaction.WriteAsync(DataKeyspace.Name, write, timeout, CancellationToken.None) is { } failure)
            {
                await transaction.RollbackAsync(timeout, CancellationToken.None);
                return CommitResult.Failed(failure);
            }
        }

        return await transaction.CommitAsync(stamp, timeout, CancellationToken.None);
    }

    /// <summary>Runs a transaction that came whole: in its range where it has only one.</summary>
    public async ValueTask<TransactResult> TransactAsync(TransactRequest request, TimeSpan timeout)
    {
        var ranges = request.Checks.Select(check => check.Key).Concat(request.Reads.Select(read => read.Start)).Concat(request.Writes.Select(write => write.Write.Key))
            .Select(key => _cluster.RangeOf(key.Span)).Distinct().ToList();
        if (ranges is not [var only])
            return await new OneRequestTransaction(_context, request).RunAsync(timeout, CancellationToken.None);
        var id = _context.NewId();
        return await Ranges.TransactAsync(only, new RangeTransact(ToRange(request), id, TransactionDeadline.Of(id), only.Descriptor.Generation), timeout);
    }

    /// <inheritdoc/>
    public void Recover(TransactionId transaction, RangeId[] participants, Timestamp deadline, Timestamp prepared)
    {
        if (_recovering.Add(transaction))
            _process.Post(_ => Run(), null);

        async void Run()
        {
            await _recovery.RecoverAsync(transaction, participants, deadline, prepared, RecoveryPatience);
            _recovering.Remove(transaction);
        }
    }

    /// <inheritdoc/>
    public void Finish(Resolution resolution, RangeId[] others, RangeId anchor)
    {
        if (_finishing.Add(resolution.Transaction))
            _process.Post(_ => Run(), null);

        async void Run()
        {
            await _recovery.FinishAsync(resolution, others, anchor);
            _finishing.Remove(resolution.Transaction);
        }
    }

    private static Failure Lost(TransactionId id) => Failure.NotApplied(ErrorCode.TransactionExpired, $"transaction {id} is not known here: its coordinator is gone");

    private static TransactRequest ToRange(TransactRequest request) => request with
    {
        Checks = [.. request.Checks.Select(check => check with { Keyspace = "" })],
        Reads = [.. request.Reads.Select(read => read with { Keyspace = "" })],
        Writes = [.. request.Writes.Select(write => write with { Keyspace = "" })],
    };
}
