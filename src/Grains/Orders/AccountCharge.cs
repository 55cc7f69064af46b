using System.Text.Json;
using GrainDb.Engine.Sagas;
using GrainDb.Grains.Sagas.Participants;
using GrainDb.Interfaces.Orders;

namespace GrainDb.Grains.Orders;

/// <summary>An amount from an account, and back; with a row that stays as the account's book entry.</summary>
internal sealed class AccountCharge : IEffect
{
    private readonly string _entry;
    private readonly string _account;
    private readonly string _balance;
    private readonly Money _amount;
    private readonly string? _problem;

    /// <param name="entry">Key of the book entry.</param>
    /// <param name="input">What to charge.</param>
    public AccountCharge(string entry, ChargeInput input)
    {
        _entry = entry;
        _account = input.Account ?? "";
        _balance = PaymentService.BalanceKey(_account);
        _problem = !SagaDefinition.IsName(input.Account, OrderLimits.MaxNameLength) ? $"an account has a name, 1 to {OrderLimits.MaxNameLength} of A-Z a-z 0-9 . _ -; this is '{input.Account}'"
            : !Money.TryParse(input.Amount, out _amount) ? $"the amount '{input.Amount}' is not {Money.Syntax}"
            : null;
        Rows = _problem is null ? [_balance] : [];
    }

    public IReadOnlyList<string> Needed => [];

    public IReadOnlyList<string> Rows { get; }

    public EffectPlan Do(KnownRows rows)
    {
        if (_problem is not null)
            return new EffectPlan.Reject([], _problem);
        if (rows.IsKnown(_balance))
        {
            if (rows.Find(_balance) is null)
                return new EffectPlan.Reject([PaymentService.Rows.Absent(_balance)], $"there is no account '{_account}'");
            if (rows.Integer(_balance) is not { } balance)
                return new EffectPlan.Broken($"the balance of account '{_account}' in {PaymentService.Rows.Name} is no integer");
            if (balance < _amount.Hundredths)
                return new EffectPlan.Reject([PaymentService.Rows.AtMost(_balance, _amount.Hundredths - 1)], $"account '{_account}' has not {_amount}");
        }

        return new EffectPlan.Carry(
            [PaymentService.Rows.Exists(_balance), PaymentService.Rows.AtLeast(_balance, _amount.Hundredths)],
            [PaymentService.Rows.Add(_balance, -_amount.Hundredths), PaymentService.Rows.Put(_entry, Entry("charged"))],
            JsonSerializer.SerializeToElement(Entry("charged"), SagaJson.Options));
    }

    public EffectPlan Undo(KnownRows rows, JsonElement output) => new EffectPlan.Carry(
        [],
        [PaymentService.Rows.Add(_balance, _amount.Hundredths), PaymentService.Rows.Put(_entry, Entry("refunded"))],
        JsonSerializer.SerializeToElement(Entry("refunded"), SagaJson.Options));

    private BookEntry Entry(string status) => new(_account, _amount.ToString(), status);

    private sealed record BookEntry(string Account, string Amount, string Status);
}
