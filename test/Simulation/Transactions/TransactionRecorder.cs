using System.Globalization;
using GrainDb.Histories.Isolation;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Simulation.Transactions;

/// <summary>What all clients' transactions did, for the judge.</summary>
internal sealed class TransactionRecorder
{
    private readonly List<FinishedTransaction> _finished = [];
    private readonly List<AccountsSeen> _accounts = [];
    private readonly List<RingSeen> _rings = [];
    private int _values;
    private int _stamps;

    public TransactionHistory Lists { get; } = new();

    public TransactionHistory Registers { get; } = new();

    /// <summary>Transactions that have a judge of their own, and repetitions.</summary>
    public TransactionHistory Others { get; } = new();

    public IReadOnlyList<FinishedTransaction> Finished => _finished;

    public IReadOnlyList<AccountsSeen> Accounts => _accounts;

    public IReadOnlyList<RingSeen> Rings => _rings;

    /// <summary>Elements given out.</summary>
    public int Elements { get; private set; }

    public long NextElement() => ++Elements;

    /// <summary>A value that nobody else writes.</summary>
    public string NextValue() => (++_values).ToString(CultureInfo.InvariantCulture);

    public IdempotencyStamp NewStamp() => new($"stamp{++_stamps}", (UInt128)_stamps, default);

    public void Finish(FinishedTransaction transaction) => _finished.Add(transaction);

    public void Counted(AccountsSeen accounts) => _accounts.Add(accounts);

    public void Looked(RingSeen ring) => _rings.Add(ring);
}
