using GrainDb.Grains.Meta;
using GrainDb.Grains.Sagas;
using GrainDb.Grains.Sagas.Participants;

namespace GrainDb.Grains.Orders;

/// <summary>Accounts and charges. <c>charge</c> takes an amount from an account that has it; <c>refund</c> gives it back.</summary>
internal sealed class PaymentService(Participant participant) : OrderService<ChargeInput>(participant, ServiceName, Rows, Charge, Refund)
{
    public const string ServiceName = "payment";
    public const string Charge = "charge";
    public const string Refund = "refund";

    public static KeyspaceRows Rows { get; } = new(SystemKeyspaces.Payments);

    /// <summary>Row of an account's balance, in hundredths: an integer that increments keep.</summary>
    public static string BalanceKey(string account) => $"account/{account}";

    protected override IEffect EffectOf(SagaCall call, ChargeInput input) => new AccountCharge($"charge/{call.Saga}/{call.Step}", input);
}
