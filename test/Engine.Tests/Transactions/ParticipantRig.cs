using System.Text;
using GrainDb.Engine.Tests.Ranges;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Transactions;

/// <summary>A range that takes part in transactions, in one thread; what is begun is answered when the test flushes.</summary>
internal sealed class ParticipantRig(RangeRig range)
{
    private ulong _nonce;

    public ParticipantRig(TransactionFaults faults = TransactionFaults.None)
        : this(RangeRig.New(faults))
    {
    }

    public RangeRig Range { get; private set; } = range;

    public static RangeId[] Participants { get; } = [RangeRig.Descriptor.Id, new RangeId(8)];

    public Timestamp Now => Range.Clock.Now();

    /// <summary>A transaction that begins now; with an age it began before that.</summary>
    public TransactionId NewId(TimeSpan age = default) => new(Now.Add(-age), ++_nonce);

    public TransactionWork Work(TransactionId id, Timestamp readTimestamp, params KeyWrite[] writes) => new()
    {
        Transaction = id,
        ReadTimestamp = readTimestamp,
        Deadline = id.Began.Add(TimeSpan.FromSeconds(30)),
        Generation = 1,
        Writes = writes,
    };

    public Task<PrepareResult> BeginPrepare(TransactionWork work) => Range.Leader.PrepareAsync(new RangePrepare(work, Participants)).AsTask();

    public PrepareResult Prepare(TransactionWork work) => Flushed(BeginPrepare(work));

    /// <summary>Prepares writes of a transaction that begins now.</summary>
    public (TransactionId Id, Timestamp Prepared) Prepared(params KeyWrite[] writes)
    {
        var id = NewId();
        return (id, PreparedAt(Work(id, id.Began, writes)));
    }

    public Timestamp PreparedAt(TransactionWork work)
    {
        var result = Prepare(work);
        Assert.Null(result.Failure);
        return result.PrepareTimestamp;
    }

    public Task<Failure?> BeginResolve(TransactionId id, Timestamp commit) => Range.Leader.ResolveAsync([new Resolution(id, commit)]).AsTask();

    public void Resolve(TransactionId id, Timestamp commit) => Assert.Null(Flushed(BeginResolve(id, commit)));

    public Task<FenceResult> BeginFence(TransactionId id) => Range.Leader.FenceAsync(id).AsTask();

    public FenceResult Fence(TransactionId id) => Flushed(BeginFence(id));

    public void Abort(TransactionId id) => Resolve(id, Timestamp.Zero);

    public Task<RangeCommitResult> BeginCommit(TransactionWork work) => Range.Leader.CommitAsync(RangeCommit.Alone(work)).AsTask();

    public RangeCommitResult Commit(TransactionWork work) => Flushed(BeginCommit(work));

    /// <summary>Commits as the anchor of a transaction that stands prepared in another range too.</summary>
    public Task<RangeCommitResult> BeginCommitForOthers(TransactionWork work, Timestamp after) => Range.Leader.CommitAsync(new RangeCommit(work, [Participants[1]], after)).AsTask();

    public RangeCommitResult CommitForOthers(TransactionWork work, Timestamp after = default) => Flushed(BeginCommitForOthers(work, after));

    public Task<RangeDecision> BeginDecide(TransactionWork work, bool aborts, bool isPrepared = true) =>
        Range.Leader.DecideAsync(new RangeDecide(work.Transaction, work.Deadline, aborts, isPrepared)).AsTask();

    public RangeDecision Decide(TransactionWork work, bool aborts, bool isPrepared = true) => Flushed(BeginDecide(work, aborts, isPrepared));

    public void Settle(TransactionId id) => Resolve(id, Resolution.Settled);

    public Task<TransactResult> BeginTransact(TransactRequest request, TransactionId? id = null)
    {
        var transaction = id ?? NewId();
        return Range.Leader.TransactAsync(new RangeTransact(request, transaction, transaction.Began.Add(TimeSpan.FromSeconds(30)), Generation: 1)).AsTask();
    }

    public TransactResult Transact(TransactRequest request, TransactionId? id = null) => Flushed(BeginTransact(request, id));

    public Task<WriteResult> BeginWrite(RangeWrite write) => Range.Leader.WriteAsync(write).AsTask();

    public WriteResult Write(RangeWrite write) => Flushed(BeginWrite(write));

    public Task<ReadResult> BeginRead(string key, Timestamp asOf = default, TransactionReader? reader = null) =>
        Range.Leader.ReadAsync(new RangeRead(Records.Key(key), asOf, Generation: 1) { Reader = reader }).AsTask();

    public ReadResult Read(string key, Timestamp asOf = default, TransactionReader? reader = null) => Flushed(BeginRead(key, asOf, reader));

    public Task<ScanResult> BeginScan(Timestamp asOf = default, TransactionReader? reader = null, int limit = 100, string? end = null, bool reverse = false)
    {
        var scan = new RangeScan([], end is null ? null : Encoding.UTF8.GetBytes(end), asOf, limit, reverse, KeysOnly: false, MaxBytes: 1 << 20, Filter: null, Generation: 1);
        return Range.Leader.ScanAsync(scan with { Reader = reader }).AsTask();
    }

    public ScanResult Scan(Timestamp asOf = default, TransactionReader? reader = null) => Flushed(BeginScan(asOf, reader));

    public Task<Failure?> BeginRefresh(Timestamp after, Timestamp upTo, params string[] keys) =>
        Range.Leader.RefreshAsync(new RangeRefresh([.. keys.Select(Records.Key)], [], after, upTo, Generation: 1)).AsTask();

    public Failure? Refresh(Timestamp after, Timestamp upTo, params string[] keys) => Flushed(BeginRefresh(after, upTo, keys));

    public string? Value(string key, Timestamp asOf = default)
    {
        var result = Read(key, asOf);
        Assert.Null(result.Failure);
        return result.Found ? Encoding.UTF8.GetString(result.Value.Span) : null;
    }

    public T Flushed<T>(Task<T> task)
    {
        Range.Flush();
        return task.Answered();
    }

    /// <summary>The process is killed and another one opens what is on the disk.</summary>
    public void Restart() => Range = Range.Restart(Range.Disk.AfterProcessKill());
}
