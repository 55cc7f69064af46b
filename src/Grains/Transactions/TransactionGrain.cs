using GrainDb.Engine.Transactions;
using GrainDb.Grains.Placement;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;
using Orleans.Concurrency;
using Orleans.Placement;

namespace GrainDb.Grains.Transactions;

/// <summary>
/// Holds one coordinator while its transaction is open, and its answer for a while after: who asks again gets the same. Reads of one transaction run at once and its commit does
/// not wait for them, so it is reentrant; the machine inside is made for that.
/// </summary>
[PreferLocalPlacement]
[GrainType(GrainTypes.Transaction)]
[Reentrant]
[Immovable]
internal sealed class TransactionGrain(CoordinatorContext context, OpenTransactions open, TimeProvider time) : Grain, ITransactionGrain
{
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(5);

    /// <summary>How long the answer is kept here; afterwards the range that committed it has it.</summary>
    private static readonly TimeSpan RememberFor = TimeSpan.FromSeconds(30);

    private TransactionCoordinator? _transaction;
    private bool _isOpen;
    private long _ended;

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        NoteEnd(isOver: true);
        return Task.CompletedTask;
    }

    public Task<TransactionBegun> BeginAsync(TransactionOptions options)
    {
        if (_transaction is null)
        {
            if (!TransactionId.TryParse(this.GetPrimaryKeyString(), out var id))
                return Task.FromResult(TransactionBegun.Failed(Missing));
            if (open.TryEnter() is { } full)
            {
                DeactivateOnIdle();
                return Task.FromResult(TransactionBegun.Failed(full));
            }

            _isOpen = true;
            _transaction = new TransactionCoordinator(context, id, options);
            this.RegisterGrainTimer(static (self, _) => self.LookAfterAsync(), this, new GrainTimerCreationOptions(Round, Round) { Interleave = true });
        }

        return Task.FromResult(BegunNow(_transaction));
    }

    public Task<TransactionView?> FindAsync() => Task.FromResult(Find()?.View);

    public async Task<ReadResult> ReadAsync(string keyspace, ReadOnlyMemory<byte> key, TimeSpan timeout) => Find() is { } transaction
        ? await transaction.ReadAsync(keyspace, key, timeout, CancellationToken.None)
        : ReadResult.Failed(Missing);

    public async Task<ScanResult> ScanAsync(string keyspace, ScanQuery query, TimeSpan timeout) => Find() is { } transaction
        ? await transaction.ScanAsync(keyspace, query, timeout, CancellationToken.None)
        : ScanResult.Failed(Missing);

    public async Task<Failure?> WriteAsync(string keyspace, KeyWrite write, TimeSpan timeout) => Find() is { } transaction
        ? await transaction.WriteAsync(keyspace, write, timeout, CancellationToken.None)
        : Missing;

    /// <remarks>Off this activation's scheduler: what is decided here goes on to its end whatever becomes of the activation.</remarks>
    public async Task<CommitResult> CommitAsync(IdempotencyStamp? idempotency, TimeSpan timeout)
    {
        if (Find() is not { } transaction)
            return CommitResult.Failed(Missing);
        var started = time.GetTimestamp();
        var isFirst = transaction.View.Status == TransactionStatus.Active;
        var result = await Task.Run(() => transaction.CommitAsync(idempotency, timeout, CancellationToken.None));
        if (isFirst)
            TransactionInstruments.Answered(time.GetElapsedTime(started), result.Failure);
        NoteEnd(transaction.IsOver);
        return result;
    }

    public async Task<Failure?> RollbackAsync(TimeSpan timeout)
    {
        if (Find() is not { } transaction)
            return Missing;
        var failure = await transaction.RollbackAsync(timeout, CancellationToken.None);
        NoteEnd(transaction.IsOver);
        return failure;
    }

    public Task<TransactionBegun> KeepAliveAsync() => Task.FromResult(Find() switch
    {
        null => TransactionBegun.Failed(Missing),
        var transaction => transaction.KeepAlive() is { } over ? TransactionBegun.Failed(over) : BegunNow(transaction),
    });

    private static TransactionBegun BegunNow(TransactionCoordinator transaction) =>
        new() { Id = transaction.Id, ReadTimestamp = transaction.ReadTimestamp, ExpiresAt = transaction.ExpiresAt };

    private Failure Missing => Failure.NotApplied(ErrorCode.TransactionNotFound, $"there is no transaction {this.GetPrimaryKeyString()} here");

    /// <summary>An activation that did not begin the transaction knows nothing of it, and goes.</summary>
    private TransactionCoordinator? Find()
    {
        if (_transaction is null)
            DeactivateOnIdle();
        return _transaction;
    }

    private Task LookAfterAsync()
    {
        _transaction!.ExpireIfDue();
        NoteEnd(_transaction.IsOver);
        var isSettled = !_isOpen && time.GetElapsedTime(_ended) >= RememberFor;
        var isForgotten = context.Clock.Now() > TransactionDeadline.RememberedUntil(_transaction.Id);
        if (isSettled || isForgotten)
            DeactivateOnIdle();
        return Task.CompletedTask;
    }

    private void NoteEnd(bool isOver)
    {
        if (!_isOpen || !isOver)
            return;
        _isOpen = false;
        _ended = time.GetTimestamp();
        open.Leave();
    }
}
